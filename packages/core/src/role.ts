import type { ConfigurationRequest, ReadRequest, RequestId, RoleName } from "./effects.ts";
import type { Message } from "./messages.ts";
import type { LogIndex, NodeId, SnapshotMeta } from "./types.ts";

/** What follower, candidate and leader do differently (dissertation, Figure 3.3). */
export interface Role {
  readonly name: RoleName;
  /** Time went on by one tick. */
  tick(): void;
  /** An answer came, already known to be of no higher term than ours. */
  receive(response: Message): void;
  propose(id: RequestId, command: Uint8Array): void;
  read(request: ReadRequest): void;
  /** Another server asks for a read index, to be answered under its number. */
  readFor(from: NodeId, sequence: number): void;
  changeConfiguration(request: ConfigurationRequest): void;
  transferLeadership(id: RequestId, to: NodeId | null): void;
  /** The disk behind a server has been named. */
  identified(peer: NodeId, incarnation: string): void;
  /** The entries after this one are still to be sent to somebody; infinite if none are. */
  readonly neededAfter: LogIndex;
  /** Something became durable. */
  durable(): void;
  /** Everything that arrived together has been stepped: time to send what it calls for, in as few messages as possible. */
  flush(): void;
  snapshotSent(to: NodeId, snapshot: SnapshotMeta | null): void;
  unreachable(peer: NodeId): void;
  /** Another role takes over: settle what only this one could have finished. */
  leave(): void;
}

/** The changes of role that a role itself brings about. */
export interface Transitions {
  /** The election timeout elapsed: find out whether an election can be won, or stand at once where that is not asked. */
  seekElection(): void;
  /** A new term, with a vote for oneself. */
  campaign(): void;
  lead(): void;
  /** Back to follower without a new term. */
  stepDown(): void;
}
