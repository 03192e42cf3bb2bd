// For users of a cluster.
export { KvClient } from "./client/kv-client.ts";
export type { KvClientOptions } from "./client/kv-client.ts";
export type { KvBytes, KvCondition, KvExpected, KvOperation, KvRange } from "./client/arguments.ts";
export { KvOperations } from "./client/operations.ts";
export { KvItem } from "./client/item.ts";
export type { KvChange } from "./client/item.ts";
export type {
  KvBatchOptions,
  KvBatchResult,
  KvDeleted,
  KvOperationResult,
  KvPage,
  KvPageOptions,
  KvReadOptions,
  KvSwapped,
  KvWritten,
} from "./client/operations.ts";
export type { KvScanOptions } from "./client/scan.ts";
export { KvStream } from "./client/stream.ts";
export type { KvStreamOptions } from "./client/stream.ts";
export { KvWatch } from "./client/watch.ts";
export type { KvUpdate, KvWatchOptions } from "./client/watch.ts";
export { KvraftClient } from "./client/kvraft-client.ts";
export type { KvGetOptions, KvraftClientOptions } from "./client/kvraft-client.ts";
export type { KvCallOptions, KvCallerOptions, KvNodeReport } from "./client/caller.ts";
export type { KvConsistency } from "./protocol.ts";
export {
  KvAbortedError,
  KvBusyError,
  KvCallError,
  KvClosedError,
  KvCompactedError,
  KvDiskError,
  KvError,
  KvFutureRevisionError,
  KvInvalidArgumentError,
  KvNotTextError,
  KvRefusedError,
  KvSessionExpiredError,
  KvSnapshotError,
  KvTimeoutError,
  KvUnsupportedError,
} from "./errors.ts";
export type {
  KvCallOutcome,
  KvCallReport,
  KvDiskErrorCode,
  KvRefusalReason,
  KvSnapshotErrorCode,
} from "./errors.ts";

// For servers.
export { KvStateMachine } from "./state/state-machine.ts";
export type { ChangeSource } from "./state/state-machine.ts";
export { DEFAULT_MAX_HISTORY_BYTES, DEFAULT_MAX_HISTORY_CHANGES, DEFAULT_MAX_KEYS } from "./state/options.ts";
export type { KvStateMachineOptions } from "./state/options.ts";
export type { KvAnswer, KvItemsQuery, KvQuery, KvScanQuery, KvTextQuery } from "./state/query.ts";
export {
  MAX_COMMAND_BYTES,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  MAX_WRITE_BYTES,
  MAX_WRITE_PARTS,
} from "./state/limits.ts";
export { kvRoutes, kvService } from "./server/kvraft-routes.ts";
export type { KvRoutesOptions, KvService } from "./server/kvraft-routes.ts";
export type { KvCallContext } from "./server/kvraft-context.ts";
export { kvV1Methods, kvV1Routes, kvV1Service } from "./server/kv-v1-service.ts";
export type { KvV1CallContext, KvV1Context, KvV1Options, KvV1Service } from "./server/kv-v1-service.ts";
export type { KvLeader, KvNode, KvNodeEvents, KvNodeStatus } from "./server/node.ts";
export type { CallSignal, WaitSignal } from "./server/time-limits.ts";
export { CONSISTENCY_HEADER, LEADER_HEADER } from "./protocol.ts";

// For tools and simulations.
export { decodeCommand, encodeCommand } from "./state/command.ts";
export type { KvCommand } from "./state/command.ts";
export { decodeWrites, encodeOpenSession, encodeWrites, isLoggedWrites } from "./state/logged-writes.ts";
export type { LoggedWrites, Serial, SerialWrite } from "./state/logged-writes.ts";
export type { Condition, Operation, Write } from "./state/write.ts";
export type { KvResult, KvTextResult, OperationResult, RefusalReason, WriteResult } from "./state/result.ts";
export type { HistoryView } from "./state/history.ts";
export type { Change, Item, ItemTable } from "./state/items.ts";
export { type ByteString, byteStringOf, bytesOf } from "./state/byte-string.ts";
export { type Value, valueBytes } from "./state/value.ts";
