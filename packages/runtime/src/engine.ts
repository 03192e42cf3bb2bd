import {
  type InstallSnapshot,
  type Message,
  type NodeId,
  Raft,
  type Receiver,
  type Restored,
} from "@eraft/core";
import type { Applier } from "./applier.ts";
import { StoppedError } from "./errors.ts";
import type { Host } from "./host.ts";
import { Loop } from "./loop.ts";
import type { Settings } from "./options.ts";
import type { Peers } from "./peers.ts";
import type { Requests } from "./requests.ts";
import { IncomingSnapshots } from "./snapshots/incoming.ts";
import { LocalSnapshots } from "./snapshots/local.ts";
import { OutgoingSnapshots } from "./snapshots/outgoing.ts";
import { Ticker } from "./ticker.ts";

type Ports = Pick<
  Settings<never, unknown, unknown, unknown>,
  "id" | "storage" | "transport" | "stateMachine"
> &
  Pick<Settings<never, unknown, unknown, unknown>, "raft" | "tickMs" | "snapshotBytes">;

/** The running parts of a node, from the moment its storage is open. */
export class Engine implements Receiver {
  readonly raft: Raft;
  readonly loop: Loop;
  readonly #host: Host;
  readonly #peers: Peers;
  readonly #applier: Applier;
  readonly #local: LocalSnapshots;
  readonly #incoming: IncomingSnapshots;
  readonly #ticker: Ticker;

  /** @throws what {@link Raft} does when `restored` makes no sense. */
  constructor(
    ports: Ports,
    restored: Restored,
    parts: {
      readonly host: Host;
      readonly applier: Applier;
      readonly requests: Requests;
      readonly peers: Peers;
    },
  ) {
    const { id, storage, transport, stateMachine } = ports;
    const { host, applier, peers, requests } = parts;
    this.#host = host;
    this.#peers = peers;
    this.#applier = applier;
    this.raft = new Raft(ports.raft, restored, applier.lastApplied);
    this.#local = new LocalSnapshots(storage, applier, host, ports.snapshotBytes);
    const outgoing = new OutgoingSnapshots(id, storage, transport, peers, host);
    this.loop = new Loop(host, {
      raft: this.raft,
      storage,
      transport,
      applier,
      requests,
      peers,
      outgoing,
      local: this.#local,
    });
    const { raft, loop } = this;
    this.#incoming = new IncomingSnapshots({
      raft,
      loop,
      storage,
      stateMachine,
      applier,
      host,
      local: this.#local,
    });
    this.#ticker = new Ticker(host.clock, ports.tickMs, () => this.loop.push({ type: "tick" }));
  }

  /** Lets time begin. */
  start(): void {
    this.#ticker.start();
  }

  /** Lets time end: no step is taken any more. The work under way goes on to its end, see `idle`. */
  stop(): void {
    this.#ticker.stop();
    this.loop.close();
    void this.#local.suspend();
  }

  /** Resolves when nothing of this node uses its storage or its state machine any more. */
  async idle(): Promise<void> {
    await this.loop.writesDone();
    await this.#applier.idle();
    await this.#local.suspend();
  }

  receive(message: Message): void {
    if (message.type === "installSnapshot") {
      // Without its data it would make the core install a snapshot that is not there.
      this.#host.logger.error(
        "The transport delivered a snapshot as a plain message: it was dropped.",
        message,
      );
      return;
    }
    this.#peers.heard(message.from);
    this.loop.push({ type: "receive", message });
  }

  async receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#host.isClosed()) throw new StoppedError();
    this.#peers.heard(header.from);
    await this.#incoming.receive(header, chunks);
  }

  unreachable(peer: NodeId, error: Error): void {
    this.#peers.failed(peer, error);
    this.loop.push({ type: "unreachable", peer });
  }
}
