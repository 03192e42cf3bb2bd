import type { LogIndex, NodeId, RoleName, Term } from "@eraft/core";
import type { KvConsistency } from "../protocol.ts";
import type { KvQuery } from "../state/query.ts";
import type { WaitSignal } from "./time-limits.ts";

/** What the key-value service needs of a node; a `RaftNode` of @eraft/runtime with a {@link KvStateMachine} is one. */
export interface KvNode {
  /** Replicates a command and resolves with what applying it gave. Aborting `signal` gives up waiting, not the command. */
  propose(command: Uint8Array, options?: { readonly signal?: WaitSignal }): Promise<unknown>;
  /** Answers a query from a state that is as new as asked for; by default, not older than this call. */
  read(
    query: KvQuery,
    options?: { readonly signal?: WaitSignal; readonly consistency?: KvConsistency },
  ): Promise<unknown>;
  status(): KvNodeStatus;
  /** Calls `listener` at every such event, until the returned function is called. */
  on?<Name extends keyof KvNodeEvents>(name: Name, listener: (event: KvNodeEvents[Name]) => void): () => void;
}

/** Of what happens to a node, what its key-value service wants to know. */
export interface KvNodeEvents {
  /** The node is no more: watches and streams end. */
  readonly failure: unknown;
  readonly stopped: unknown;
  /** Another server leads, or none that this one knows of. */
  readonly leader: KvLeader;
}

/** Who leads, as far as a node knows. */
export interface KvLeader {
  readonly leaderId: NodeId | null;
  readonly leaderAddress: string | null;
}

export interface KvNodeStatus {
  readonly id: NodeId;
  /** Null while the node does not serve. */
  readonly role: RoleName | null;
  readonly term: Term;
  readonly lastApplied: LogIndex;
  readonly commitIndex: LogIndex;
  /** Bytes the storage occupies: log and snapshot. */
  readonly storageBytes: number;
}
