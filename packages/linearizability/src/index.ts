export {
  type ClientId,
  type FailedOperation,
  HistoryError,
  type HistoryErrorCode,
  type OkOperation,
  type Operation,
  type UnknownOperation,
} from "./history.ts";
export { HistoryRecorder, type PendingOperation } from "./recorder.ts";
export {
  assertLinearizable,
  checkLinearizable,
  type CheckOptions,
  type CheckReport,
  DEFAULT_LIMITS,
  NotLinearizableError,
  type PartitionReport,
} from "./check.ts";
export type { SearchLimits, SearchResult, Verdict } from "./wgl.ts";
export {
  checkCommitOrder,
  type CommitOrderProblem,
  type CommitOrderProblemType,
  type CommitOrderReport,
  type CommittedEntry,
  type LoggedOperation,
  type OperationId,
} from "./commit-order.ts";
export { minimise, type MinimalHistory, type MinimiseOptions } from "./minimise.ts";
export { explain, type Explanation } from "./explain.ts";
export { type PictureOptions, renderPicture } from "./picture.ts";
export { type AppendReport, checkAppends } from "./appends.ts";
export type { AppendProblem, AppendProblemType } from "./append-problems.ts";
export {
  createKvModel,
  type KvInput,
  kvModel,
  type KvModelOptions,
  type KvOutput,
  type KvState,
} from "./models/kv.ts";
export {
  createRegisterModel,
  type RegisterInput,
  registerModel,
  type RegisterOutput,
  type RegisterValue,
} from "./models/register.ts";

// For authors of models.

export type { Interval } from "./history.ts";
export { type Model, ModelError, type Observation, type Step } from "./model.ts";
export { hashText } from "./hash.ts";
