import { expect, test } from "vitest";
import type { WalFile } from "../src/index.ts";
import { MAX_FRAME_BYTES } from "../src/snapshot-format.ts";
import { readFrames } from "../src/snapshot-reader.ts";
import { snapshot } from "./model.ts";
import { DIR, imageAfter } from "./scratch.ts";
import { quiet } from "./slow-disk.ts";

/** A snapshot of three frames, and the header before them. */
async function threeFrames(): Promise<Uint8Array> {
  const { image } = await imageAfter([snapshot(1, 1, 3 * MAX_FRAME_BYTES)], { close: true });
  const found = [...image].find(([name]) => name.startsWith(`${DIR}/snapshot`));
  if (found === undefined) throw new Error("no snapshot file");
  return found[1];
}

const never = (): never => {
  throw new Error("nobody writes here");
};

/** How far into the file each read begins, and what happens before it ends. */
class WatchedFile {
  readonly reads: number[] = [];
  before: (position: number) => Promise<void> | void = () => {};
  readonly file: WalFile;

  constructor(bytes: Uint8Array) {
    this.file = {
      sizeBytes: () => bytes.length,
      read: async (target, position) => {
        this.reads.push(position);
        await this.before(position);
        const part = bytes.subarray(position, position + target.length);
        target.set(part);
        return part.length;
      },
      write: never,
      truncate: never,
      sync: never,
      close: never,
    };
  }
}

const settled = async (promise: Promise<unknown>): Promise<boolean> => {
  let isSettled = false;
  const note = (): void => void (isSettled = true);
  promise.then(note, note);
  await quiet();
  return isSettled;
};

test("the next frame is read while the one before is being used, and no further", async () => {
  const watched = new WatchedFile(await threeFrames());
  const frames = readFrames(watched.file, "s");
  await frames.next();
  await quiet();
  const ahead = watched.reads.length;
  await quiet();
  expect(watched.reads).toHaveLength(ahead);
  watched.before = () => Promise.reject(new Error("the disk is asked again"));
  // That one is there already.
  expect((await frames.next()).value).toHaveLength(MAX_FRAME_BYTES);
});

test("whoever stops early waits until nothing reads from the file any more, and does not hear of what that finds", async () => {
  const watched = new WatchedFile(await threeFrames());
  const { promise, reject } = Promise.withResolvers<void>();
  const frames = readFrames(watched.file, "s");
  watched.before = (position) => (position > MAX_FRAME_BYTES ? promise : undefined);
  await frames.next();
  const ended = frames.return();
  expect(await settled(ended)).toBe(false);
  reject(new Error("EIO"));
  expect(await ended).toMatchObject({ done: true });
});

test("what goes wrong with the next frame is told when that is asked for", async () => {
  const watched = new WatchedFile(await threeFrames());
  const frames = readFrames(watched.file, "s");
  await frames.next();
  watched.before = () => Promise.reject(new Error("EIO"));
  await frames.next();
  await quiet();
  await expect(frames.next()).rejects.toThrow("EIO");
});
