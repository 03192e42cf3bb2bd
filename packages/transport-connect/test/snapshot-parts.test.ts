import { expect, test } from "vitest";
import { blockBytesFor } from "../src/snapshot/block-size.ts";
import { BlockReader } from "../src/snapshot/block-reader.ts";
import { crc32c } from "../src/snapshot/crc32c.ts";
import { Pace } from "../src/snapshot/pace.ts";
import { SnapshotWindow } from "../src/snapshot/window.ts";
import { DEFAULT_LIMITS } from "@eraft/transport-connect";
import { chunksOf, ManualClock } from "./support.ts";

const ascending = (length: number) => Uint8Array.from({ length }, (_, i) => i);

// RFC 3720, B.4, and the check value of the catalogues.
test.for([
  ["no bytes", new Uint8Array(0), 0],
  ["123456789", new TextEncoder().encode("123456789"), 0xe3069283],
  ["32 bytes of zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(255), 0x62a8ab43],
  ["32 ascending bytes", ascending(32), 0x46dd794e],
  ["32 descending bytes", ascending(32).toReversed(), 0x113fdb5c],
] as [string, Uint8Array, number][])("CRC-32C of %s", ([, bytes, checksum]) => {
  expect(crc32c(bytes)).toBe(checksum);
});

test("a checksum goes on from any byte", () => {
  const bytes = ascending(45);
  for (let at = 0; at <= bytes.length; at += 1) {
    expect(crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))).toBe(crc32c(bytes));
  }
});

async function blocksOf(size: number, blockBytes: number, ...chunks: number[]): Promise<number[][]> {
  let next = 0;
  const bytes = chunks.map((length) => Uint8Array.from({ length }, () => (next += 1)));
  const reader = new BlockReader({ size, chunks: chunksOf(...bytes) }, blockBytes);
  const blocks: number[][] = [];
  for (;;) {
    const block = await reader.next();
    if (block === null) return blocks;
    blocks.push([...block]);
    // Its memory is its own: what the source does with its chunks is the source's affair.
    for (const chunk of bytes) chunk.fill(0, 0, 0);
  }
}

test.for([
  [
    [4],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    [1, 3],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  [
    [1, 0, 1, 1, 0, 0, 2],
    [[1, 2], [3, 4], [5]],
  ],
  [[], []],
  [[0], []],
] as [number[], number[][]][])("chunks of %j bytes become blocks of 2", async ([chunks, blocks]) => {
  const size = chunks.reduce((sum, length) => sum + length, 0);
  expect(await blocksOf(size, 2, ...chunks)).toEqual(blocks);
});

test("a block outlives the chunks that it was made of", async () => {
  const chunk = Uint8Array.of(1, 2);
  const reader = new BlockReader({ size: 2, chunks: chunksOf(chunk) }, 2);
  const block = await reader.next();
  chunk.fill(9);
  expect(block).toEqual(Uint8Array.of(1, 2));
});

test.for([[[1]], [[3]], [[2, 0, 1]], [[]]] as [number[]][])(
  "a snapshot of 2 bytes with %j is not one",
  async ([chunks]) => {
    await expect(blocksOf(2, 2, ...chunks)).rejects.toThrow(/announced/);
  },
);

const blockBytesOf = (fields: object) => blockBytesFor({ ...DEFAULT_LIMITS, ...fields });

test("blocks are as large as is good for the window and the pace", () => {
  expect(blockBytesOf({})).toBe(65_536);
  expect(blockBytesOf({ snapshotWindowBytes: 1600 })).toBe(200);
  expect(blockBytesOf({ snapshotBytesPerSecond: 80_000 })).toBe(10_000);
  expect(blockBytesOf({ snapshotWindowBytes: 1 })).toBe(1);
});

test("a pace is kept, and a pause is not made up for", () => {
  const clock = new ManualClock();
  const pace = new Pace(clock, 1000);
  expect(pace.waitMs).toBe(0);
  pace.went(200);
  pace.went(300);
  expect(pace.waitMs).toBe(500);
  clock.advance(10_000);
  pace.went(100);
  expect(pace.waitMs).toBe(100);
  const free = new Pace(clock, null);
  free.went(1e9);
  expect(free.waitMs).toBe(0);
});

function windowOf(...sizes: number[]): SnapshotWindow {
  const window = new SnapshotWindow();
  for (const size of sizes) window.put(ascending(size));
  return window;
}

/** Where the blocks are that go out now. */
function sendAll(window: SnapshotWindow): number[] {
  const offsets: number[] = [];
  for (let block = window.peek(); block !== null; block = window.peek()) {
    offsets.push(block.offset);
    window.sent();
  }
  return offsets;
}

test("what was sent is kept until it is stored, and can be sent again from any block on", () => {
  const window = windowOf(3, 3, 3);
  const checksums = [0, 3, 6, 9].map((end) => crc32c(Uint8Array.from({ length: end }, (_, i) => i % 3)));
  expect(sendAll(window)).toEqual([0, 3, 6]);
  window.release(5);
  expect(window.resumableFrom).toBe(3);
  expect(window.resume(6, checksums[2] ?? 0)).toBe(true);
  expect(sendAll(window)).toEqual([6]);
  expect(window.resume(3, checksums[1] ?? 0)).toBe(true);
  expect(sendAll(window)).toEqual([3, 6]);
  expect(window.resume(9, checksums[3] ?? 0)).toBe(true);
  expect(sendAll(window)).toEqual([]);
  window.release(9);
  expect([window.resumableFrom, window.readBytes]).toEqual([9, 9]);
});

test("it does not go on where the receiver has other bytes, or is where no block begins", () => {
  const window = windowOf(3, 3);
  sendAll(window);
  window.release(3);
  const checksum = crc32c(ascending(3));
  expect(window.resume(3, checksum + 1)).toBe(false);
  expect(window.resume(4, checksum)).toBe(false);
  expect(window.resume(0, 0)).toBe(false);
  expect(window.resume(6, checksum)).toBe(false);
  expect(window.resume(3, checksum)).toBe(true);
});

test("what was not sent is not released, whatever the receiver says", () => {
  const window = windowOf(3, 3);
  window.sent();
  window.release(99);
  expect(sendAll(window)).toEqual([3]);
});
