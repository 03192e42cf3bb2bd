import { expect, test } from "vitest";
import { FrameReader } from "../src/frames/frame-reader.ts";
import { PREFACE } from "../src/frames/frame-types.ts";
import { frame } from "./raw-client.ts";

const PAYLOADS = ["", "a", "0123456789", "", "x".repeat(300)];
const BYTES = Buffer.concat([
  PREFACE,
  ...PAYLOADS.map((payload, i) => frame(i, i + 1, 2 * i + 1, Buffer.from(payload))),
]);
const FRAMES = PAYLOADS.map((payload, i) => `${i} ${i + 1} ${2 * i + 1} ${payload}`);

/** What is found in chunks that end at these places. */
function framesIn(ends: readonly number[]): string[] {
  const found: string[] = [];
  const reader = new FrameReader({
    isOver: false,
    frame: (type, flags, id, bytes, from, to) => {
      found.push(`${type} ${flags} ${id} ${bytes.toString("latin1", from, to)}`);
    },
  });
  let at = 0;
  for (const end of [...ends, BYTES.byteLength]) {
    // A chunk of its own each time: what is kept of it must not depend on what follows in memory.
    reader.push(Buffer.from(BYTES.subarray(at, end)));
    at = end;
  }
  return found;
}

test("frames are found whole wherever the chunks are cut", () => {
  for (let first = 0; first <= BYTES.byteLength; first += 1) {
    expect(framesIn([first])).toEqual(FRAMES);
    for (const second of [1, 2, 8, 9, 10, 40]) {
      expect(framesIn([first, Math.min(first + second, BYTES.byteLength)])).toEqual(FRAMES);
    }
  }
});

test("and in chunks of any size", () => {
  for (let size = 1; size < 60; size += 1) {
    const ends = Array.from({ length: Math.floor(BYTES.byteLength / size) }, (_, i) => (i + 1) * size);
    expect(framesIn(ends)).toEqual(FRAMES);
  }
});

test("nothing is read after the reader is told that it is over", () => {
  const types: number[] = [];
  const sink = {
    isOver: false,
    frame: (type: number) => {
      types.push(type);
      sink.isOver = type === 1;
    },
  };
  new FrameReader(sink).push(BYTES);
  expect(types).toEqual([0, 1]);
});
