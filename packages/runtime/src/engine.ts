import {
  type IdentityRefusal,
  type InstallSnapshot,
  type Message,
  type NodeId,
  type PeerIdentity,
  Raft,
  type Receiver,
  type Restored,
} from "@eraft/core";
import { AddressBook } from "./address-book.ts";
import type { Applier } from "./applier.ts";
import { StoppedError } from "./errors.ts";
import { Handovers } from "./handovers.ts";
import type { Host } from "./host.ts";
import type { Identities } from "./identities.ts";
import { Loop } from "./loop.ts";
import { Members } from "./members.ts";
import type { Settings } from "./options.ts";
import type { Peers } from "./peers.ts";
import { Rejections } from "./rejections.ts";
import type { Requests } from "./requests.ts";
import { IncomingSnapshots } from "./snapshots/incoming.ts";
import { LocalSnapshots } from "./snapshots/local.ts";
import { OutgoingSnapshots } from "./snapshots/outgoing.ts";
import { Ticker } from "./ticker.ts";

type Ports = Omit<Settings<never, unknown, unknown, unknown>, "codec" | "clock" | "logger">;

/** A server that has left the cluster is told so for this many election timeouts. */
const FAREWELL_TIMEOUTS = 2;

/** The running parts of a node, from the moment its storage is open. */
export class Engine implements Receiver {
  readonly raft: Raft;
  readonly loop: Loop;
  readonly members: Members;
  readonly rejections: Rejections;
  readonly #id: NodeId;
  readonly #host: Host;
  readonly #peers: Peers;
  readonly #applier: Applier;
  readonly #local: LocalSnapshots;
  readonly #incoming: IncomingSnapshots;
  readonly #identities: Identities;
  readonly #handovers: Handovers;
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
      readonly identities: Identities;
    },
  ) {
    const { id, storage, transport, stateMachine, electionTimeoutMs, snapshotBytes } = ports;
    const { host, applier, peers, requests, identities } = parts;
    this.#id = id;
    this.#host = host;
    this.#peers = peers;
    this.#applier = applier;
    const raft = new Raft(ports.raft, restored, applier.lastApplied);
    this.raft = raft;
    const book = new AddressBook(transport, host, FAREWELL_TIMEOUTS * electionTimeoutMs);
    this.members = new Members(id, ports.peers, { peers, book, host });
    this.#identities = identities;
    this.rejections = new Rejections(id, host);
    this.#handovers = new Handovers(id, electionTimeoutMs, requests, host);
    const outgoing = new OutgoingSnapshots(id, storage, transport, peers, host);
    this.#local = new LocalSnapshots({
      storage,
      applier,
      host,
      snapshotBytes,
      configurationAt: (index) => raft.configurationAt(index),
    });
    this.loop = new Loop(host, {
      raft,
      storage,
      transport,
      applier,
      requests,
      peers,
      outgoing,
      local: this.#local,
      members: this.members,
      identities,
      handovers: this.#handovers,
      hasLeases: (ports.raft.leaseDuration ?? null) !== null,
    });
    const { loop } = this;
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
    this.#host.turns.close();
    this.loop.close();
    this.members.close();
    this.#handovers.close();
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
    if (this.#heard(message)) this.loop.push({ type: "receive", message });
  }

  async receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#host.isClosed()) throw new StoppedError();
    if (!this.#heard(header)) throw new Error(`What server ${header.from} says does not count.`);
    await this.#incoming.receive(header, chunks);
  }

  identify(peer: NodeId, identity: PeerIdentity): IdentityRefusal | null {
    const refusal = this.#identities.identify(peer, identity);
    if (refusal !== null) this.rejections.report(peer, { by: this.#id, refusal });
    return refusal;
  }

  rejected(peer: NodeId, refusal: IdentityRefusal): void {
    this.rejections.report(peer, { by: peer, refusal });
  }

  disconnected(peer: NodeId): void {
    this.loop.push({ type: "disconnected", peer });
  }

  unreachable(peer: NodeId, error: Error): void {
    this.#peers.failed(peer, error);
    this.loop.push({ type: "unreachable", peer });
  }

  /** False if what the sender says does not count. */
  #heard(message: Message): boolean {
    const trust = this.#identities.trust(message);
    if (trust !== "all") return trust === "questions";
    this.#peers.heard(message.from);
    this.rejections.heard(message.from);
    return true;
  }
}
