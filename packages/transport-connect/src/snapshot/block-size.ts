import type { Limits } from "../options.ts";

/**
 * Large enough to be worth a message, and small enough to arrive within `snapshotIdleMs` over the slowest link that is not given up, see
 * `minBytesPerSecond`: its arrival is all the progress that there is to see.
 */
const BLOCK_BYTES_MAX = 64 * 1024;

/** Some blocks are on their way while others are being stored. */
const BLOCKS_IN_WINDOW = 8;

/** When the pace is set, it is to be a steady one. */
const BLOCKS_IN_SECOND = 8;

/** How many bytes of a snapshot to send in a message. */
export function blockBytesFor({ snapshotWindowBytes, snapshotBytesPerSecond }: Limits): number {
  const ofWindow = Math.floor(snapshotWindowBytes / BLOCKS_IN_WINDOW);
  const ofSecond = Math.floor((snapshotBytesPerSecond ?? Number.POSITIVE_INFINITY) / BLOCKS_IN_SECOND);
  return Math.max(1, Math.min(BLOCK_BYTES_MAX, ofWindow, ofSecond));
}
