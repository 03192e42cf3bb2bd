import type { InstallSnapshot, Message, NodeId, PeerIdentity, Transport } from "@eraft/core";
import { pieces, streamOf } from "../common/bytes.ts";
import { type Body, answerTo, message } from "./messages.ts";
import { Recorder } from "./recorder.ts";
import type { Traffic } from "./traffic.ts";
import type { TransportServer } from "./harness.ts";

/** One server of the network under test: its transport, and what it received. */
export class Peer {
  readonly #server: TransportServer;
  readonly #traffic: Traffic;
  readonly #changed: () => void;
  readonly #identity: (() => PeerIdentity) | undefined;
  /** One for each run, the last one first. */
  readonly recorders: Recorder[] = [];
  transport: Transport;

  /** `identity` is what the server says of itself; left out if nobody asks. */
  constructor(server: TransportServer, traffic: Traffic, changed: () => void, identity?: () => PeerIdentity) {
    this.#server = server;
    this.#identity = identity;
    this.#traffic = traffic;
    this.#changed = changed;
    this.transport = server.transport(identity);
    this.recorders.unshift(this.#newRecorder());
  }

  get id(): NodeId {
    return this.#server.id;
  }

  get address(): string {
    return this.#server.address;
  }

  /** What this run has received. */
  get inbox(): Recorder {
    const [current] = this.recorders;
    if (current === undefined) throw new Error("a peer has a recorder from the beginning");
    return current;
  }

  know(...peers: readonly Peer[]): void {
    this.transport.setPeers(new Map(peers.map(({ id, address }) => [id, address])));
  }

  start(): Promise<void> {
    return this.transport.start(this.inbox);
  }

  async stop(): Promise<void> {
    const { inbox } = this;
    await this.transport.stop();
    inbox.stopped();
  }

  /** A new process takes the place of the one that was stopped. */
  async restart(...peers: readonly Peer[]): Promise<void> {
    this.transport = this.#server.transport(this.#identity);
    this.recorders.unshift(this.#newRecorder());
    this.know(...peers);
    await this.start();
  }

  /** Sends a request, under the next number unless one is given. Returns what was sent. */
  send<M extends Message>(body: Body<M>, to: NodeId, sequence: number = this.#traffic.nextSequence()): M {
    const sent: M = message<M>(body, this.id, to, sequence);
    this.#traffic.sent(sent);
    this.transport.send(sent);
    return sent;
  }

  /** Sends a snapshot in chunks of `chunkBytes`. Returns the header that was sent, and what becomes of it. */
  sendSnapshot(
    body: Body<InstallSnapshot>,
    to: NodeId,
    bytes: Uint8Array,
    chunkBytes = 1000,
  ): { readonly header: InstallSnapshot; readonly done: Promise<void> } {
    const header = message<InstallSnapshot>(body, this.id, to, this.#traffic.nextSequence());
    this.#traffic.sent(header);
    const chunks = bytes.length === 0 ? streamOf() : pieces(bytes, chunkBytes);
    return { header, done: this.transport.sendSnapshot(header, { size: bytes.length, chunks }) };
  }

  #newRecorder(): Recorder {
    return new Recorder({
      changed: this.#changed,
      answer: (question, body) => {
        const answer = answerTo(question, body);
        this.#traffic.answered(question, answer);
        this.transport.send(answer);
      },
    });
  }
}
