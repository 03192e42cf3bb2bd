// For users of a cluster.
export { KvClient } from "./client.ts";
export type { KvCallOptions, KvClientOptions, KvGetOptions, KvNodeReport } from "./client.ts";
export type { KvConsistency } from "./protocol.ts";
export {
  KvAbortedError,
  KvCallError,
  KvClosedError,
  KvError,
  KvInvalidArgumentError,
  KvRefusedError,
  KvSnapshotError,
  KvTimeoutError,
} from "./errors.ts";
export type { KvCallOutcome, KvCallReport, KvSnapshotErrorCode } from "./errors.ts";

// For servers.
export { DEFAULT_MAX_KEYS, DEFAULT_MAX_SESSIONS, KvStateMachine } from "./state-machine.ts";
export type { KvQuery, KvStateMachineOptions } from "./state-machine.ts";
export { kvRoutes, kvService } from "./routes.ts";
export type { KvCallContext, KvRoutesOptions, KvService } from "./routes.ts";
export type { KvNode, KvNodeStatus } from "./node.ts";
export { CONSISTENCY_HEADER, LEADER_HEADER } from "./protocol.ts";

// For tools and simulations.
export {
  MAX_COMMAND_BYTES,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  decodeCommand,
  encodeCommand,
} from "./command.ts";
export type { KvCommand } from "./command.ts";
export type { KvResult, RefusalReason } from "./result.ts";
