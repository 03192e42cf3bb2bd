import type { Entry, HardState, SnapshotMeta } from "@eraft/core";
import type { State, Step } from "../model.ts";
import { stateOf } from "../model.ts";

/** All that a storage holds. Never modified, so a crash can go back to any of them. */
export interface Stored {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta | null;
  readonly data: Uint8Array;
  readonly entries: readonly Entry[];
}

export const NOTHING: Stored = {
  hardState: { term: 0, votedFor: null },
  snapshot: null,
  data: new Uint8Array(0),
  entries: [],
};

/** The contract of the port: what is stored after `step`. */
export function after(stored: Stored, step: Step): Stored {
  if (step.type === "write") {
    const { hardState, truncateFrom, entries } = step.batch;
    const kept = stored.entries.filter((entry) => truncateFrom === null || entry.index < truncateFrom);
    return { ...stored, hardState: hardState ?? stored.hardState, entries: [...kept, ...entries] };
  }
  const { lastIncludedIndex } = step.meta;
  const entries = keepsSuffix(stored, step.meta)
    ? stored.entries.filter((entry) => entry.index > lastIncludedIndex)
    : [];
  return { ...stored, snapshot: step.meta, data: step.data, entries };
}

/** Whether the entries after a snapshot stay (dissertation, 5.1). */
export function keepsSuffix(stored: Stored, meta: SnapshotMeta): boolean {
  const covered = stored.entries.find((entry) => entry.index === meta.lastIncludedIndex);
  return covered?.term === meta.lastIncludedTerm;
}

export function textOf(stored: Stored): State {
  return stateOf(stored, stored.data);
}

export function lastIndexOf({ entries, snapshot }: Stored): number {
  return entries.at(-1)?.index ?? snapshot?.lastIncludedIndex ?? 0;
}

/** The highest term in the log or the snapshot. */
export function lastTermOf({ entries, snapshot }: Stored): number {
  return entries.at(-1)?.term ?? snapshot?.lastIncludedTerm ?? 0;
}
