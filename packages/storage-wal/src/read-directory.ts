import type { Entry } from "@eraft/core";
import { WalDamageError } from "./errors.ts";
import type { WalFileSystem } from "./file-system.ts";
import type { LogOutline } from "./log-outline.ts";
import type { Listing, SnapshotFile } from "./names.ts";
import { segmentName, snapshotName, sortNames } from "./names.ts";
import type { SnapshotRecord } from "./records.ts";
import type { Replayed } from "./replay.ts";
import { entriesAfter, replaySegments } from "./replay.ts";
import type { VerifiedSnapshot } from "./snapshot-reader.ts";
import { verifySnapshot } from "./snapshot-reader.ts";

/** What a directory holds, every byte of it checked. */
export interface DirectoryState {
  readonly listing: Listing;
  readonly replayed: Replayed;
  /** The log after `snapshot`. */
  readonly entries: readonly Entry[];
  /** The newest committed snapshot. */
  readonly snapshot: VerifiedSnapshot | null;
  /** What is to be written into the log if a crash came between the snapshot's rename and its record. */
  readonly unrecorded: SnapshotRecord | null;
}

/** Reads everything and changes nothing. Throws `WalDamageError` or `WalFormatError`, or what the file system throws. */
export async function readDirectory(
  fs: WalFileSystem,
  dir: string,
  pathOf: (name: string) => string,
): Promise<DirectoryState> {
  const listing = sortNames(fs.list(dir));
  const newest = listing.snapshots.at(-1) ?? null;
  if (listing.segments.length === 0 && newest !== null) {
    throw new WalDamageError(pathOf(segmentName(1)), 0, "all segments are missing, but there is a snapshot");
  }
  const replayed = await replaySegments(fs, pathOf, listing);
  const { outline } = replayed;
  if (outline.missingFrom !== null) {
    const before = (listing.segments[0]?.sequence ?? 1) - 1;
    const what = `this segment is missing; entry ${outline.missingFrom} was in it or before it`;
    throw new WalDamageError(pathOf(segmentName(before)), 0, what);
  }
  checkRecorded(outline, newest, pathOf);
  const unrecorded = unrecordedSnapshot(outline, newest);
  const entries =
    unrecorded === null ? replayed.entries : entriesAfter(replayed.entries, unrecorded.meta, unrecorded.kept);
  const snapshot = newest === null ? null : await verified(fs, newest, pathOf);
  return { listing, replayed, entries, snapshot, unrecorded };
}

/** The snapshot that the log speaks of must be there, or a newer one. An older one cannot stand in: the log between is deleted. */
function checkRecorded(
  outline: LogOutline,
  newest: SnapshotFile | null,
  pathOf: (name: string) => string,
): void {
  const recorded = outline.snapshot;
  if (recorded === null) return;
  const there = newest?.meta;
  if (
    there === undefined ||
    there.lastIncludedIndex < recorded.lastIncludedIndex ||
    (there.lastIncludedIndex === recorded.lastIncludedIndex &&
      there.lastIncludedTerm !== recorded.lastIncludedTerm)
  ) {
    throw new WalDamageError(pathOf(snapshotName(recorded)), 0, "this snapshot is missing");
  }
}

/**
 * A snapshot newer than any the log speaks of was renamed just before a crash. Nothing can have been written after the rename, so
 * its rule applies to the log as it ends.
 */
function unrecordedSnapshot(outline: LogOutline, newest: SnapshotFile | null): SnapshotRecord | null {
  if (newest === null || newest.meta.lastIncludedIndex <= outline.snapshotIndex) return null;
  // No entry is missing, so the term that decides is known.
  return { meta: newest.meta, kept: outline.keepsSuffixAfter(newest.meta) === true };
}

async function verified(
  fs: WalFileSystem,
  file: SnapshotFile,
  pathOf: (name: string) => string,
): Promise<VerifiedSnapshot> {
  const path = pathOf(file.name);
  const snapshot = await verifySnapshot(fs, path);
  if (snapshotName(snapshot.meta) !== file.name) {
    throw new WalDamageError(path, 16, `the file says that it is ${snapshotName(snapshot.meta)}`);
  }
  return snapshot;
}
