export { type LeaderHint, RaftNode } from "./node.ts";
export type { CommandCodec, LeaseReads, RaftNodeOptions } from "./options.ts";
export type { NodeIdentity } from "./identities.ts";
export { MemberOperations } from "./member-operations.ts";
export type { Membership, Rejection } from "./membership.ts";
export type { NodeStatus, PeerStatus, Phase } from "./status.ts";
export type { Listener, NodeEvents } from "./events.ts";
export type { Logger } from "./logger.ts";
export type {
  AbortSignalLike,
  ChangeOptions,
  LeaderOptions,
  ReadOptions,
  RequestOptions,
  TransferOptions,
} from "./request-options.ts";
export { systemClock } from "./clock.ts";

// Commands, results and states that are not bytes.
export { bytes, type Codec, json, protobuf } from "./codecs.ts";
export {
  defineStateMachine,
  type StateMachineDefinition,
  type StreamedState,
  type WholeState,
} from "./typed-state-machine.ts";

// Exactly-once sessions, for any state machine.
export {
  SessionClient,
  type SessionClientOptions,
  type SessionResult,
  type SessionServer,
  withSessions,
  type WithSessionsOptions,
} from "./sessions/index.ts";

// What a request or `start` rejects with.
export {
  ChangePendingError,
  ChangeRefusedError,
  TransferFailedError,
  TransferringError,
} from "./change-errors.ts";
export {
  BusyError,
  type FailureCode,
  InvalidCommandError,
  InvalidOptionError,
  InvariantBrokenError,
  NodeFailedError,
  NotLeaderError,
  NotStartedError,
  OutcomeUnknownError,
  RaftError,
  type RaftErrorCode,
  type Retry,
  SessionExpiredError,
  StateMachineFailedError,
  StoppedError,
  StorageFailedError,
  TimeoutError,
  TransportFailedError,
} from "./errors.ts";

// Exactly-once sessions, for state machines that keep their own.
export {
  type Claim,
  ClientTable,
  type ClientWrite,
  decodeSession,
  DEFAULT_MAX_RESULTS,
  DEFAULT_MAX_SESSIONS,
  encodeEnvelope,
  encodeSession,
  type Envelope,
  type RecencyChanges,
  type ResultCodec,
  type ResultSlot,
  type Serial,
  SESSION_OVERHEAD_BYTES,
  SESSION_WINDOW,
  SessionFormatError,
  type SessionId,
  type SessionLimits,
  type SessionOutcome,
  SessionTable,
  type SessionView,
} from "./sessions/index.ts";
