import type { LogIndex } from "@eraft/core";
import { getUint53, putUint53, viewOf } from "./bytes.ts";

/*
 * The keys, in their order in the database. Numbers are big-endian, so that this is the order of the numbers as well.
 *
 *   "a"                          head, first copy
 *   "e" index u64                an entry of the log
 *   "i"                          identity
 *   "m" generation u64           what a snapshot is
 *   "s" generation u64, n u32    the n-th chunk of its bytes, from 0
 *   "z"                          head, second copy
 */

export const FIRST_HEAD: Uint8Array = ofLetter("a");
export const IDENTITY: Uint8Array = ofLetter("i");
export const SECOND_HEAD: Uint8Array = ofLetter("z");

/** Keys from `gte` on, before `lt`. */
export interface KeyRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

export function entryKey(index: LogIndex): Uint8Array {
  return numbered("e", index);
}

export function descriptorKey(generation: number): Uint8Array {
  return numbered("m", generation);
}

export function chunkKey(generation: number, position: number): Uint8Array {
  const key = numbered("s", generation, 4);
  viewOf(key).setUint32(9, position);
  return key;
}

/** All entries with an index below this one. */
export function entriesBefore(index: LogIndex): KeyRange {
  return { gte: ofLetter("e"), lt: entryKey(index) };
}

/** All entries with this index or a higher one. */
export function entriesFrom(index: LogIndex): KeyRange {
  return { gte: entryKey(index), lt: ofLetter("f") };
}

/** Of a key in `ALL_CHUNKS`. */
export function generationOf(key: Uint8Array): number {
  return getUint53(viewOf(key), 1);
}

/** Everything of one snapshot but its descriptor. */
export function chunksOf(generation: number): KeyRange {
  return { gte: chunkKey(generation, 0), lt: chunkKey(generation + 1, 0) };
}

/** Descriptors and chunks of all snapshots but one, which has so many chunks; 0 for all snapshots. */
export function snapshotsBut(generation: number, chunks: number): readonly KeyRange[] {
  if (generation === 0) {
    return [
      { gte: ofLetter("m"), lt: ofLetter("n") },
      { gte: ofLetter("s"), lt: ofLetter("t") },
    ];
  }
  return [
    { gte: ofLetter("m"), lt: descriptorKey(generation) },
    { gte: descriptorKey(generation + 1), lt: ofLetter("n") },
    { gte: ofLetter("s"), lt: chunkKey(generation, 0) },
    { gte: chunkKey(generation, chunks), lt: ofLetter("t") },
  ];
}

/** Every chunk of every snapshot. */
export const ALL_CHUNKS: KeyRange = { gte: ofLetter("s"), lt: ofLetter("t") };

/** All keys but those of heads and identity. */
export const ALL_RECORDS: readonly KeyRange[] = [
  { gte: ofLetter("e"), lt: ofLetter("f") },
  { gte: ofLetter("m"), lt: ofLetter("n") },
  ALL_CHUNKS,
];

function ofLetter(letter: string): Uint8Array {
  return Uint8Array.of(letter.charCodeAt(0));
}

function numbered(letter: string, number: number, moreBytes = 0): Uint8Array {
  const key = new Uint8Array(9 + moreBytes);
  key[0] = letter.charCodeAt(0);
  putUint53(viewOf(key), 1, number);
  return key;
}
