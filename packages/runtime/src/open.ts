import type { LogIndex, Restored, SnapshotMeta, StateMachine, Storage } from "@eraft/core";
import type { Turns } from "./clock.ts";
import { StateMachineFailedError, StorageFailedError } from "./errors.ts";
import { restoreFromStorage } from "./snapshots/restore.ts";

const NO_SNAPSHOT: SnapshotMeta = { lastIncludedIndex: 0, lastIncludedTerm: 0 };

/** @throws StorageFailedError; then the storage is not open. */
export async function openStorage(storage: Storage): Promise<Restored> {
  try {
    return await storage.open();
  } catch (error) {
    throw new StorageFailedError(error);
  }
}

/**
 * Opens the state machine and makes sure that it reflects the stored snapshot at least. Returns the prefix of the log that it reflects.
 *
 * @throws StateMachineFailedError, StorageFailedError
 */
export async function openStateMachine(
  stateMachine: StateMachine,
  storage: Storage,
  restored: Restored,
  turns: Turns,
): Promise<SnapshotMeta> {
  const applied = await appliedIndex(stateMachine);
  const { lastIncludedIndex, lastIncludedTerm } = restored.snapshot ?? NO_SNAPSHOT;
  const snapshot = { lastIncludedIndex, lastIncludedTerm };
  if (applied < lastIncludedIndex) {
    await restoreFromStorage(storage, stateMachine, snapshot, turns);
    return snapshot;
  }
  if (applied === lastIncludedIndex) return snapshot;
  const entry = restored.entries.find(({ index }) => index === applied);
  if (entry === undefined) {
    const end = restored.entries.at(-1)?.index ?? lastIncludedIndex;
    // What is applied was durable in the log before. So this is another server's state, or the storage has been lost, and with it the votes of this server.
    const what =
      `it reflects entry ${applied}, but the storage's log ends at ${end}: the two do not belong together. ` +
      "If the storage was lost, empty the state machine's disk, too, and let the server join anew";
    throw new StateMachineFailedError(new Error(what));
  }
  return { lastIncludedIndex: applied, lastIncludedTerm: entry.term };
}

async function appliedIndex(stateMachine: StateMachine): Promise<LogIndex> {
  try {
    const applied = await stateMachine.open();
    if (Number.isSafeInteger(applied) && applied >= 0) return applied;
    throw new Error(`open() gave ${applied}, which is not a log index`);
  } catch (error) {
    throw new StateMachineFailedError(error);
  }
}
