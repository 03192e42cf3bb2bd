import { endOfNonZero } from "./bytes.ts";
import type { LogOutline } from "./log-outline.ts";
import type { DirectoryState } from "./read-directory.ts";
import type { LastSegment } from "./replay.ts";
import { RECORD_HEADER_BYTES } from "./segment-format.ts";
import type { SegmentPlace } from "./segment-log.ts";
import { SegmentLog } from "./segment-log.ts";

/**
 * Turns what a crash left into what the writer expects, and makes durable what is about to be reported as such. A crash meanwhile
 * changes nothing of what the next open reads.
 */
export async function repair(place: SegmentPlace, state: DirectoryState): Promise<SegmentLog> {
  const { fs, dir, pathOf } = place;
  for (const name of state.listing.temporary) fs.remove(pathOf(name));
  // What the previous process renamed may be in the page cache only; the server will promise things on the strength of it.
  await fs.syncDirectory(dir);
  const { outline, segments, last } = state.replayed;
  if (last === null) return SegmentLog.create(place, outline);
  const full = segments.slice(0, -1).map(({ sequence, tail }) => ({ sequence, usedBytes: tail }));
  return continueSegment(place, outline, full, last);
}

async function continueSegment(
  place: SegmentPlace,
  outline: LogOutline,
  full: readonly { readonly sequence: number; readonly usedBytes: number }[],
  last: LastSegment,
): Promise<SegmentLog> {
  const { sequence } = last.file;
  const { tail } = last.scan;
  const { sizeBytes, salt } = last.header;
  const file = place.fs.open(place.pathOf(last.file.name), "write");
  try {
    const witnessed = last.scan.end.type === "witness";
    const changes = [
      ...(witnessed ? [] : [lastRecord(last)]),
      ...leftovers(last, witnessed ? tail + RECORD_HEADER_BYTES : tail),
    ];
    for (const { bytes, offset } of changes) file.write(bytes, offset);
    if (changes.length > 0) await file.sync();
    const log = new SegmentLog(
      place,
      outline,
      full,
      { sequence, file, sizeBytes, salt, tail },
      last.nextRecord,
    );
    if (!witnessed) log.markDurable();
    return log;
  } catch (error) {
    file.close();
    throw error;
  }
}

interface Change {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/**
 * The last record, to be written once more as it is. Without a witness nobody knows that it is durable: the process may have died
 * before its fdatasync returned, or the fdatasync failed and the kernel, having said so once, now takes the page for clean and
 * would not write it. Writing the same bytes again makes it dirty.
 */
function lastRecord(last: LastSegment): Change {
  const record = last.scan.records.at(-1);
  if (record === undefined) throw new Error("a segment without a checkpoint was taken for intact");
  return { bytes: last.bytes.subarray(record.offset, record.end), offset: record.offset };
}

/**
 * Zeros over what a torn write left after the tail. Suppose it stayed: a batch of 1,000 sectors loses one of them in a crash and is
 * dropped; its twin, written again at the same place in a later term, loses all of them but that one in a second crash. Together
 * they are the first batch, intact, which an open in between had reported as absent.
 */
function leftovers(last: LastSegment, from: number): readonly Change[] {
  const end = endOfNonZero(last.bytes, from);
  return end === from ? [] : [{ bytes: new Uint8Array(end - from), offset: from }];
}
