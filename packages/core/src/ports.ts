import type { InstallSnapshot, Message } from "./messages.ts";
import type { LogIndex, NodeId, Restored, SnapshotMeta, WriteBatch } from "./types.ts";

/**
 * Where a server keeps what must survive a crash.
 *
 * - At most one `write` is outstanding at a time. A snapshot may be created, filled and committed, and the stored one read, meanwhile.
 * - `write` and a sink's `commit` take effect in the order of the calls, though one may be called while the other is under way: what is
 *   called second sees all that the first one does, and is not there after a crash without it.
 * - Configurations come back as they were given, those of entries as well as those of snapshots; where none was given there is none.
 * - After any rejection of `write` or of a sink's `commit` the storage is no longer used, except to be closed: what the disk
 *   then holds is only known again after the next `open`.
 */
export interface Storage {
  /**
   * Reads what survived. Called once, before anything else.
   *
   * Drops a torn tail, which nobody was ever promised. Rejects on damage below it, on a second opener, and on a format it
   * does not know; then it has changed nothing.
   */
  open(): Promise<Restored>;

  /**
   * Resolves once all of `batch` will survive a crash, together with every batch before it. A crash before that leaves all or
   * nothing of it. The entries' bytes belong to the caller and do not change.
   *
   * `truncateFrom` may lie beyond the end of the log; then it drops nothing.
   */
  write(batch: WriteBatch): Promise<void>;

  /**
   * Begins a snapshot. Nothing that is stored changes until the sink's `commit`; one sink is open at a time.
   * Rejects if `meta` is not newer than the stored snapshot.
   */
  createSnapshot(meta: SnapshotMeta): Promise<SnapshotSink>;

  /** The newest committed snapshot, null when there is none. It stays readable to its end while newer ones are committed. */
  readSnapshot(): Promise<StoredSnapshot | null>;

  /** Bytes it occupies now, log and snapshot. */
  size(): number;

  /** Waits for a `write` under way, then lets go of everything. After it resolves another opener may come. Never rejects twice. */
  close(): Promise<void>;
}

export interface SnapshotSink {
  /** Takes the next bytes of the snapshot. The caller may reuse `chunk` once it resolves. */
  write(chunk: Uint8Array): Promise<void>;

  /**
   * The atomic point: before it the old snapshot and the whole log are there, after it the new one and what the log keeps.
   *
   * The log keeps what follows `lastIncludedIndex` if its entry there has `lastIncludedTerm`, and nothing otherwise
   * (dissertation, 5.1, InstallSnapshot rules 6 and 7). Term and vote stay. Resolves once all that is durable.
   */
  commit(): Promise<void>;

  /** Forgets what was written. Harmless after a failed `write`, and after `commit` or another `abort`. */
  abort(): Promise<void>;
}

export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  /** Bytes in all of `chunks`. */
  readonly size: number;
  /** Can be iterated once. Throws on damage, before or instead of the chunk that has it. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Carries messages between servers. It may lose, delay, repeat and reorder them; it must not alter or invent one, nor deliver one
 * to a server it is not addressed to.
 */
export interface Transport {
  /** Begins to receive. Resolves once peers can reach this server through it. */
  start(receiver: Receiver): Promise<void>;

  /** The other servers and where they are; replaces what was set before. May be called before `start`. */
  setPeers(peers: ReadonlyMap<NodeId, string>): void;

  /**
   * Never waits, never throws; drops the message when its bounded queue is full, when stopped, or when `to` is unknown. Whoever has asked is known as far as
   * the answer goes: a server that joins is spoken to before it knows by whom.
   */
  send(message: Message): void;

  /**
   * Sends a whole snapshot. Resolves once the peer has answered; its `InstallSnapshotResponse` has by then been handed to the
   * receiver. Rejects when the peer could not be reached, did not answer in time, or the snapshot is too large for this transport.
   */
  sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void>;

  /** Stops receiving and drops what is queued. Answers that peers wait for become errors. */
  stop(): Promise<void>;
}

export interface OutgoingSnapshot {
  /** Bytes in all of `chunks`. */
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What a server says of itself before it says anything else. */
export interface PeerIdentity {
  /** Null of a server that is to join a cluster and does not know yet which. */
  readonly clusterId: string | null;
  /** Which disk it speaks for: a random name that it gave itself when that was empty; see Member. */
  readonly incarnation: string;
  /** How often that disk has been opened, this time included. A lower number than was seen before tells an older copy of it. */
  readonly starts: number;
}

/**
 * - otherCluster: it belongs to another cluster.
 * - otherDisk: the cluster knows that server by another disk: this one was wiped or replaced.
 * - olderDisk: that disk was further when it was last seen: it is an older copy.
 */
export type IdentityRefusal = "otherCluster" | "otherDisk" | "olderDisk";

/** The server, as its transport sees it. */
export interface Receiver {
  /** Takes a message. Never throws and never waits; answers, if any, come through `Transport.send` later. */
  receive(message: Message): void;

  /**
   * Takes a snapshot whose sender waits. The answer comes through `Transport.send`, like any other. Rejects when the data could
   * not be read or stored; then there will be no answer, and nothing has changed.
   */
  receiveSnapshot(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void>;

  /**
   * Whether to talk to a server that says who it is, before anything else it says is delivered: null to go on, else why not. A transport whose
   * wire has no handshake, or a peer that does not know it, never asks. What is delivered as from `peer` comes from the one that said so last: by then the
   * connections of an earlier one are over. Who is refused may try again, and be let in then.
   */
  identify?(peer: NodeId, identity: PeerIdentity): IdentityRefusal | null;

  /** `peer` will not talk to this server, and says why. */
  rejected?(peer: NodeId, refusal: IdentityRefusal): void;

  /**
   * The connections over which `peer` spoke have just broken, all of them: its process is gone, or the way to it. A hint: it may be wrong, or
   * never come. Not called when this side closed them.
   */
  disconnected?(peer: NodeId): void;

  /** Reports that a message or snapshot to `peer` was probably not delivered. A hint: it may be late, wrong, or never come. */
  unreachable(peer: NodeId, error: Error): void;
}

/**
 * What the cluster replicates. Must be deterministic: the same commands in the same order give the same results and the same state on
 * every server, whatever the clock, the randomness or the disk of one of them says.
 *
 * A command comes from the log as bytes and gives a `Result`; a `Query` is what the application passes to `read`, and gives an `Answer`.
 */
export interface StateMachine<Query = unknown, Result = unknown, Answer = Result> {
  /**
   * The last index the state already reflects: 0 unless it keeps a disk of its own. Called once, before anything else.
   *
   * With a disk of its own, state and index are stored in one step, so that after a crash at any point the one is exactly as far as the other: commands up to
   * the index come no more, and those after it do. It may be behind what had been applied; what is missing is applied again, or comes with a snapshot if the
   * log has no more of it.
   */
  open(): Promise<LogIndex>;

  /**
   * Applies commands in order. Resolves with one result for each, in order. A command that cannot be done, or not even be read, gives a
   * result that says so; a rejection means this server's state is lost and stops it.
   */
  apply(commands: readonly AppliedCommand[]): Promise<readonly Result[]>;

  /** Answers from the current state without changing it. May run beside `apply`; then it sees a state between two commands. */
  query(query: Query): Promise<Answer>;

  /** Fixes a view of the state before it returns. Later commands may be applied while the view is read. */
  snapshot(): AsyncIterable<Uint8Array>;

  /**
   * Replaces the whole state by a snapshot of another server. On rejection this server stops. With a disk of its own: after a crash in the middle `open` gives an
   * index below `lastIncludedIndex`, unless all of it is there; then it is called again.
   */
  restore(chunks: AsyncIterable<Uint8Array>, lastIncludedIndex: LogIndex): Promise<void>;
}

export interface AppliedCommand {
  readonly index: LogIndex;
  /**
   * Never empty. Owned by the log: to be read, not modified. It may share memory with its neighbours: a state that outlives the log keeps a copy of what it
   * needs of it, for a view of ten bytes may keep thousands.
   */
  readonly command: Uint8Array;
}

/** Time for the runtime; the core itself only counts ticks. */
export interface Clock {
  /** Milliseconds from an arbitrary start; never goes backwards. */
  now(): number;
  /** Calls `fn` once after `ms` milliseconds unless the returned function is called first. */
  after(ms: number, fn: () => void): () => void;

  /**
   * Calls `fn` once when the host has handed over all that has arrived so far, unless the returned function is called first. Called from within `fn`, it
   * waits for what arrives next. A host without such a moment leaves it out: then what arrives together is handled one by one.
   */
  readonly soon?: (fn: () => void) => () => void;
}
