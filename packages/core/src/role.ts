import type { RequestId, RoleName } from "./effects.ts";
import type { Response } from "./messages.ts";
import type { NodeId, SnapshotMeta } from "./types.ts";

/** What follower, candidate and leader do differently (dissertation, Figure 3.3). */
export interface Role {
  readonly name: RoleName;
  /** Time went on by one tick. */
  tick(): void;
  /** An answer came, already known to be of no higher term than ours. */
  receive(response: Response): void;
  propose(id: RequestId, command: Uint8Array): void;
  read(id: RequestId): void;
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
  /** The election timeout elapsed: new term, vote for oneself. */
  campaign(): void;
  lead(): void;
  /** Back to follower without a new term. */
  stepDown(): void;
}
