export type {
  HardState,
  Entry,
  LogIndex,
  NodeId,
  Restored,
  SnapshotMeta,
  Term,
  WriteBatch,
} from "./types.ts";
export type {
  AppliedCommand,
  Clock,
  OutgoingSnapshot,
  Receiver,
  SnapshotSink,
  StateMachine,
  Storage,
  StoredSnapshot,
  Transport,
} from "./ports.ts";
export type {
  AppendEntries,
  AppendEntriesResponse,
  InstallSnapshot,
  InstallSnapshotResponse,
  Message,
  Refusal,
  RefusalReason,
  Request,
  RequestVote,
  RequestVoteResponse,
  Response,
} from "./messages.ts";
export type {
  Alert,
  Input,
  Outcome,
  PeerState,
  RaftState,
  Ready,
  RequestId,
  RoleChange,
  RoleName,
  SnapshotRequest,
} from "./effects.ts";
export { InvariantError } from "./assert.ts";
export { ConfigError, MAX_PEERS, type RaftConfig } from "./config.ts";
export { Raft } from "./raft.ts";
