export { DEFAULT_WRITE_DELAY_MS, LevelKvStateMachine } from "./level-state-machine.ts";
export type { LevelKvStateMachineOptions } from "./level-state-machine.ts";
export type {
  LevelBatchOptions,
  LevelDatabase,
  LevelIterator,
  LevelOperation,
  LevelRange,
  LevelReadOptions,
  LevelSnapshot,
} from "./level-database.ts";
