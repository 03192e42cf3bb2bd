import type {
  InstallSnapshot,
  Message,
  NodeId,
  OutgoingSnapshot,
  PeerIdentity,
  Receiver,
  Transport,
} from "@eraft/core";
import { later } from "./later.ts";

/** The network, as one transport sees it. */
export interface Wires {
  readonly find: (peer: NodeId) => MemoryTransport | undefined;
  readonly isCut: (peer: NodeId) => boolean;
  /** Throws if another transport has this server's place. */
  readonly join: (transport: MemoryTransport) => void;
  readonly leave: (transport: MemoryTransport) => void;
}

interface Unanswered {
  readonly to: NodeId;
  readonly sequence: number;
  readonly answer: PromiseWithResolvers<void>;
}

/** More than this is not worth keeping: whatever still matters of it, Raft sends again. */
const MAX_QUEUED_MESSAGES = 4096;

export class MemoryTransport implements Transport {
  /** What this server says of itself. */
  readonly identity: () => PeerIdentity | null;
  readonly #id: NodeId;
  readonly #wires: Wires;
  #receiver: Receiver | null = null;
  #peers: ReadonlySet<NodeId> = new Set();
  /** Who has asked something: they get their answers, named or not. A server that joins is spoken to before it knows by whom. */
  readonly #askers = new Set<NodeId>();
  #outbox: Message[] = [];
  /** The snapshots whose senders wait. */
  readonly #unanswered = new Set<Unanswered>();
  /** Those that this server talks to: a peer that restarts is another one. */
  readonly #met = new WeakSet<MemoryTransport>();

  constructor(id: NodeId, identity: () => PeerIdentity | null, wires: Wires) {
    this.#id = id;
    this.identity = identity;
    this.#wires = wires;
  }

  async start(receiver: Receiver): Promise<void> {
    this.#wires.join(this);
    this.#receiver = receiver;
  }

  setPeers(peers: ReadonlyMap<NodeId, string>): void {
    this.#peers = new Set(peers.keys());
  }

  send(message: Message): void {
    if (this.#receiver === null || !this.#mayReach(message)) return;
    // Delivered in a later turn of the event loop, as by a real network: a receiver that answers at once must not find itself
    // inside the sender's own call, and timers and I/O get their turn between a message and its answer.
    if (this.#outbox.push(message) === 1) later(() => this.#deliverAll());
    if (this.#outbox.length > MAX_QUEUED_MESSAGES) this.#lost(this.#outbox.pop());
  }

  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    const waiting = { to: header.to, sequence: header.sequence, answer: Promise.withResolvers<void>() };
    this.#unanswered.add(waiting);
    try {
      const receiver = this.#reach(header);
      const received = receiver.receiveSnapshot(header, this.#whileConnected(header, snapshot.chunks));
      // Both: the answer may come before the peer is done with the stream, or after. A failure of either ends the wait.
      await Promise.all([received, waiting.answer.promise]);
    } finally {
      this.#unanswered.delete(waiting);
    }
  }

  async stop(): Promise<void> {
    this.#receiver = null;
    this.#outbox = [];
    this.#askers.clear();
    this.#wires.leave(this);
    for (const { answer } of this.#unanswered)
      answer.reject(new Error("This server's transport was stopped."));
  }

  /** What listens here to `from`, null before `start` and after `stop`. */
  receiverFor(from: NodeId): Receiver | null {
    if (this.#receiver !== null) this.#askers.add(from);
    return this.#receiver;
  }

  /** Whoever waits for an answer of `peer` waits in vain. */
  peerLeft(peer: NodeId): void {
    for (const { to, answer } of this.#unanswered) if (to === peer) answer.reject(new Unreachable(peer));
    if (this.#peers.has(peer)) this.#receiver?.disconnected?.(peer);
  }

  /** Whether this server talks to `peer`, who is told if not. Asked once if it does, and each time if it does not. */
  meets(peer: MemoryTransport): boolean {
    const identity = peer.identity();
    if (identity === null || this.#met.has(peer)) return true;
    const refusal = this.#receiver?.identify?.(peer.#id, identity) ?? null;
    if (refusal === null) this.#met.add(peer);
    else peer.#receiver?.rejected?.(this.#id, refusal);
    return refusal === null;
  }

  /** `message` was handed to this server, or lost on its way to it: if a snapshot waits for it, its wait is over. */
  settle(message: Message, failure: Error | null): void {
    if (message.type !== "installSnapshotResponse" && message.type !== "refusal") return;
    for (const { to, sequence, answer } of this.#unanswered) {
      if (to !== message.from || sequence !== message.sequence) continue;
      if (failure) answer.reject(failure);
      else answer.resolve();
    }
  }

  #deliverAll(): void {
    for (const message of this.#outbox.splice(0)) this.#deliver(message);
  }

  #deliver(message: Message): void {
    try {
      this.#reach(message).receive(message);
      this.#wires.find(message.to)?.settle(message, null);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#receiver?.unreachable(message.to, error);
      this.#lost(message);
    }
  }

  /** A peer that waits for an answer hears of its loss at once, where a real network would leave it to a timeout. */
  #lost(message: Message | undefined): void {
    if (message) this.#wires.find(message.to)?.settle(message, new Unreachable(this.#id));
  }

  /** The stream breaks with the link, as a connection does. */
  async *#whileConnected(
    header: InstallSnapshot,
    chunks: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#reach(header);
      yield chunk;
    }
  }

  /** @throws Unreachable */
  #reach(message: Message): Receiver {
    const { from, to } = message;
    const known = this.#receiver !== null && this.#mayReach(message) && !this.#wires.isCut(to);
    const peer = known ? this.#wires.find(to) : undefined;
    const receiver = peer && this.meets(peer) && peer.meets(this) ? peer.receiverFor(from) : null;
    if (!receiver) throw new Unreachable(to);
    return receiver;
  }

  #mayReach(message: Message): boolean {
    return this.#peers.has(message.to) || (isAnswer(message) && this.#askers.has(message.to));
  }
}

function isAnswer({ type }: Message): boolean {
  return type.endsWith("Response") || type === "refusal";
}

class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor(peer: NodeId) {
    super(
      `Server ${peer} cannot be reached: it is stopped or unknown, the link to it is cut, or one of the two refuses the other.`,
    );
  }
}
