import type { SnapshotMeta } from "@eraft/core";

/** Added to the name of a file while it is not complete; such files are removed by `open`. */
export const TEMPORARY = ".tmp";

export const LOCK_NAME = "LOCK";

export const IDENTITY_NAME = "IDENTITY";

export function segmentName(sequence: number): string {
  return `wal-${padded(sequence)}.log`;
}

export function snapshotName(meta: SnapshotMeta): string {
  return `snapshot-${padded(meta.lastIncludedIndex)}-${padded(meta.lastIncludedTerm)}.snap`;
}

/** Sixteen digits hold every safe integer, and make the order of the names that of the numbers. */
function padded(value: number): string {
  return String(value).padStart(16, "0");
}

/** What a directory holds, by name. Whatever the log would not have created is not its business and is left alone. */
export interface Listing {
  /** Oldest first. */
  readonly segments: readonly SegmentFile[];
  /** Oldest first. */
  readonly snapshots: readonly SnapshotFile[];
  /** Leftovers of a crash. */
  readonly temporary: readonly string[];
}

export interface SegmentFile {
  readonly name: string;
  readonly sequence: number;
}

export interface SnapshotFile {
  readonly name: string;
  readonly meta: SnapshotMeta;
}

const SEGMENT = /^wal-(\d{16})\.log$/;
const SNAPSHOT = /^snapshot-(\d{16})-(\d{16})\.snap$/;
const LEFTOVER = /^(?:wal-\d{16}\.log|snapshot-\d{16}-\d{16}\.snap)\.tmp$/;

export function sortNames(names: readonly string[]): Listing {
  const segments: SegmentFile[] = [];
  const snapshots: SnapshotFile[] = [];
  const temporary: string[] = [];
  for (const name of names.toSorted()) {
    const segment = SEGMENT.exec(name);
    const snapshot = SNAPSHOT.exec(name);
    if (segment !== null) {
      segments.push({ name, sequence: Number(segment[1]) });
    } else if (snapshot !== null) {
      const meta = { lastIncludedIndex: Number(snapshot[1]), lastIncludedTerm: Number(snapshot[2]) };
      snapshots.push({ name, meta });
    } else if (LEFTOVER.test(name)) {
      temporary.push(name);
    }
  }
  return { segments, snapshots, temporary };
}
