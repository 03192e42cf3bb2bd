import { expect, test } from "vitest";
import { WalDamageError } from "../src/index.ts";
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES, SNAPSHOT_HEADER_BYTES } from "../src/snapshot-format.ts";
import { snapshot } from "./model.ts";
import { DIR, changed, imageAfter, outcomeOf } from "./scratch.ts";

const FRAME_BYTES = FRAME_HEADER_BYTES + MAX_FRAME_BYTES;

/** The bytes of frame `number`, counted from 0, of a snapshot file. */
function frame(bytes: Uint8Array, number: number): Uint8Array {
  const start = SNAPSHOT_HEADER_BYTES + number * FRAME_BYTES;
  return bytes.slice(start, start + FRAME_BYTES);
}

function put(bytes: Uint8Array, number: number, content: Uint8Array): void {
  bytes.set(content, SNAPSHOT_HEADER_BYTES + number * FRAME_BYTES);
}

// Each frame is intact by itself, and all lengths are right: a disk that returned the wrong blocks. Only the chain of checksums tells.
test.each([
  ["two frames that changed places", [1, 0, 2]],
  ["a frame in place of another", [0, 0, 2]],
])("%s are damage", async (_what, order) => {
  const { image } = await imageAfter([snapshot(1, 1, 3 * MAX_FRAME_BYTES)], { close: true });
  const path = [...image.keys()].find((name) => name.startsWith(`${DIR}/snapshot`));
  if (path === undefined) throw new Error("no snapshot file");
  const moved = changed(image, path, (bytes) => {
    const frames = order.map((number) => frame(bytes, number));
    for (const [number, content] of frames.entries()) put(bytes, number, content);
    return bytes;
  });
  const { error, changes } = await outcomeOf(moved);
  expect(error).toBeInstanceOf(WalDamageError);
  expect(changes).toBe(0);
});
