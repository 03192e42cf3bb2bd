import type { StateMachine } from "@eraft/core";
import { type ChangeSource, type KvAnswer, type KvQuery, type KvResult, KvStateMachine } from "@eraft/kv";
import { LevelKvStateMachine } from "@eraft/kv/level";
import { join } from "node:path";
import type { ServeConfig } from "./config.ts";
import type { Disk } from "./disk.ts";

/** Where a node has the keys and values: in memory, or in a LevelDB database of their own. */
export type StateType = "memory" | "level";

/** The key-value store, wherever it is kept. */
export type NodeStateMachine = StateMachine<KvQuery, KvResult, KvAnswer> & ChangeSource;

/** A state machine, and what to do when its node has stopped. */
export interface State {
  readonly stateMachine: NodeStateMachine;
  /** Resolves when what was applied is on the disk, and that is let go of. Never rejects. */
  close(): Promise<void>;
}

/** Within the data directory. */
const STATE_DIR = "state";

/** The database in a data directory that was used with --state level, or is to be. */
export function stateDirIn(dataDir: string): string {
  return join(dataDir, STATE_DIR);
}

/**
 * The state of a node whose directory is taken. It belongs to the disk that has the log: were the state of another one copied here, it might have entries that this log will never have.
 */
export async function stateOf({ storage, state }: ServeConfig, { identity }: Disk): Promise<State> {
  if (state === "memory" || storage.type === "memory") {
    return { stateMachine: new KvStateMachine(), close: async () => {} };
  }
  const stateMachine = await levelState(storage.dir, identity.incarnation);
  return { stateMachine, close: () => stateMachine.close() };
}

/** The state in a data directory, which is not open yet; `owner` is the incarnation of its disk. */
export async function levelState(dataDir: string, owner: string): Promise<LevelKvStateMachine> {
  // Machine code, which is loaded by those who want it.
  const { ClassicLevel } = await import("classic-level");
  return new LevelKvStateMachine({ db: new ClassicLevel(stateDirIn(dataDir)), owner });
}
