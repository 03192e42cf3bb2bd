export { RaftNode, type RequestOptions } from "./node.ts";
export type { CommandCodec, RaftNodeOptions } from "./options.ts";
export type { NodeStatus, PeerStatus, Phase } from "./status.ts";
export type { Listener, NodeEvents } from "./events.ts";
export type { Logger } from "./logger.ts";
export type { AbortSignalLike } from "./requests.ts";
export { systemClock } from "./clock.ts";

// What a request or `start` rejects with.
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
  StateMachineFailedError,
  StoppedError,
  StorageFailedError,
  TransportFailedError,
} from "./errors.ts";
