import { expect, test } from "vitest";
import { type WalFileSystem, WalStorage } from "../src/index.ts";
import { CrashDisk } from "@eraft/conformance";
import type { Step } from "./model.ts";
import { Model, append, entries, openState, take } from "./model.ts";
import { DIR, onDisk } from "./scratch.ts";

const META = { lastIncludedIndex: 2, lastIncludedTerm: 1 };

/** A disk whose next fdatasync of the log, and no later one, ends only when the gate is open. */
function slow(disk: WalFileSystem, gate: { next: Promise<void> | null }): WalFileSystem {
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: (path) => disk.lock(path),
    open(path, mode) {
      const file = disk.open(path, mode);
      return {
        sizeBytes: () => file.sizeBytes(),
        truncate: (sizeBytes) => file.truncate(sizeBytes),
        read: (target, position) => file.read(target, position),
        write: (bytes, position) => file.write(bytes, position),
        close: () => file.close(),
        async sync() {
          if (path.includes("wal-") && gate.next !== null) {
            const held = gate.next;
            gate.next = null;
            await held;
          }
          await file.sync();
        },
      };
    },
  };
}

/** Everything that can happen without the disk has happened: here nothing else takes more than microtasks. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

// The port lets a snapshot be committed while a write is under way. Both go into the log, and the log has one end: the commit's mark
// there would stand in the middle of the record that is being written.
test.each(["the write first", "the commit first"])(
  "a write and a commit at the same time follow each other: %s",
  async (order) => {
    const disk = new CrashDisk();
    const gate: { next: Promise<void> | null } = { next: null };
    const storage = new WalStorage({ dir: DIR, segmentBytes: 4096, fileSystem: slow(disk, gate) });
    const model = new Model();
    await storage.open();
    const first = append(...entries(1, 1, 10, 20, 30));
    await take(storage, first);
    model.take(first);

    const write = append(...entries(4, 1, 100));
    const commit: Step = { type: "snapshot", meta: META, data: new Uint8Array(100).fill(7) };
    const sink = await storage.createSnapshot(META);
    await sink.write(commit.data);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    gate.next = promise;
    const begin = [() => take(storage, write), () => sink.commit()];
    const done = [];
    for (const operation of order === "the write first" ? begin : begin.toReversed()) {
      done.push(operation());
      await quiet();
    }
    release();
    await Promise.all(done);
    model.take(write);
    model.take(commit);

    const last = append(...entries(5, 1, 50));
    await take(storage, last);
    model.take(last);
    expect(await openState(onDisk(new CrashDisk(disk.image())))).toBe(model.state());
  },
);
