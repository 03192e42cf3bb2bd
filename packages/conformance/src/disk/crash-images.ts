import type { CrashDisk } from "./crash-disk.ts";
import { DurableState } from "./durable-state.ts";
import type { DiskImage } from "./operations.ts";
import { fingerprint } from "./operations.ts";

export interface CrashImage {
  /** The power went after so many operations. */
  readonly after: number;
  /** What was left of the disk. */
  readonly image: DiskImage;
  /** That of the image. */
  readonly fingerprint: string;
}

export interface CrashOptions {
  /** Bytes that reach the disk together or not at all. */
  readonly sectorBytes: number;
  /** Up to so many units that may or may not have reached the disk, all subsets are tried; beyond, those described below. */
  readonly exhaustiveUnits: number;
  /** Leaves out crashes before so many operations; default 0. */
  readonly from?: number;
}

export const DEFAULT_CRASH_OPTIONS: CrashOptions = { sectorBytes: 512, exhaustiveUnits: 7 };

/**
 * Everything a power loss may leave, for a crash before the first operation, after it, after the second, and so on.
 *
 * At each point the units at stake are the names changed since the last sync of the directory, and the sectors written and sizes set
 * since the last sync of their file. Few units: every subset of them. Many: none, all, each one alone, each one missing, and each
 * run from the first or up to the last. An image that has been given out is not repeated for the same point, but is for later
 * ones, since what it must hold changes with what has been confirmed.
 */
export function* crashImages(
  disk: CrashDisk,
  options: CrashOptions = DEFAULT_CRASH_OPTIONS,
): Generator<CrashImage, void, undefined> {
  const durable = new DurableState(disk.start, options.sectorBytes);
  for (let after = 0; ; after += 1) {
    const seen = new Set<string>();
    const choices =
      after < (options.from ?? 0) ? [] : subsets(durable.pending.length, options.exhaustiveUnits);
    for (const kept of choices) {
      const image = durable.imageWith(kept);
      const key = fingerprint(image);
      if (seen.has(key)) continue;
      seen.add(key);
      yield { after, image, fingerprint: key };
    }
    const operation = disk.operations[after];
    if (operation === undefined) return;
    durable.record(operation);
  }
}

function* subsets(count: number, exhaustive: number): Generator<ReadonlySet<number>, void, undefined> {
  const all = Array.from({ length: count }, (_, position) => position);
  if (count <= exhaustive) {
    for (let mask = 0; mask < 2 ** count; mask += 1) {
      yield new Set(all.filter((position) => (mask & (1 << position)) !== 0));
    }
    return;
  }
  yield new Set();
  yield new Set(all);
  for (const position of all) {
    yield new Set([position]);
    yield new Set(all.filter((other) => other !== position));
    yield new Set(all.slice(0, position));
    yield new Set(all.slice(position));
  }
}
