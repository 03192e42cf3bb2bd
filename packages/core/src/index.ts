export type {
  Configuration,
  HardState,
  Entry,
  LogIndex,
  Member,
  NodeId,
  Restored,
  SnapshotMeta,
  Standing,
  Term,
  WriteBatch,
} from "./types.ts";
export type {
  AppliedCommand,
  Clock,
  IdentityRefusal,
  OutgoingSnapshot,
  PeerIdentity,
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
  Extension,
  InstallSnapshot,
  InstallSnapshotResponse,
  Message,
  PreVote,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  Refusal,
  RefusalReason,
  Request,
  RequestVote,
  RequestVoteResponse,
  Response,
  TimeoutNow,
} from "./messages.ts";
export { FIRST_TRANSPORT_SEQUENCE } from "./messages.ts";
export type {
  Alert,
  ConfigurationRequest,
  Input,
  Outcome,
  PeerState,
  RaftState,
  ReadRequest,
  Ready,
  RequestId,
  RoleChange,
  RoleName,
  SnapshotRequest,
} from "./effects.ts";
export type { ConfigurationAt } from "./configurations.ts";
export {
  changed,
  countsIn,
  isElector,
  isJoint,
  leaveJoint,
  MAX_MEMBERS,
  type MemberChange,
  memberOf,
  type Refused,
} from "./configuration.ts";
export { Quorum } from "./quorum.ts";
export { InvariantError } from "./assert.ts";
export { ConfigError, MAX_PEERS, type RaftConfig } from "./config.ts";
export { Raft } from "./raft.ts";
