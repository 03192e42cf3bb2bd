import type { SnapshotMeta, StateMachine, Storage } from "@eraft/core";
import type { Turns } from "../clock.ts";
import { StateMachineFailedError, StorageFailedError } from "../errors.ts";
import { paced } from "../slices.ts";

/**
 * Replaces the state by the stored snapshot, which must be the one of `expected`.
 *
 * @throws StorageFailedError if the snapshot cannot be read, StateMachineFailedError if the state machine does not take it.
 */
export async function restoreFromStorage(
  storage: Storage,
  stateMachine: StateMachine,
  expected: SnapshotMeta,
  turns: Turns,
): Promise<void> {
  const reader = new SnapshotReader(storage, expected);
  try {
    await stateMachine.restore(paced(reader.chunks(), turns), expected.lastIncludedIndex);
  } catch (error) {
    throw reader.damage ?? new StateMachineFailedError(error);
  }
  // The state machine may have swallowed the damage: half a state is none.
  if (reader.damage !== null) throw reader.damage;
}

class SnapshotReader {
  readonly #storage: Storage;
  readonly #expected: SnapshotMeta;
  damage: StorageFailedError | null = null;

  constructor(storage: Storage, expected: SnapshotMeta) {
    this.#storage = storage;
    this.#expected = expected;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    try {
      const stored = await this.#storage.readSnapshot();
      if (stored?.meta.lastIncludedIndex !== this.#expected.lastIncludedIndex) {
        throw new Error(`the snapshot of index ${this.#expected.lastIncludedIndex} is not there`);
      }
      yield* stored.chunks;
    } catch (error) {
      this.damage = new StorageFailedError(error);
      throw this.damage;
    }
  }
}
