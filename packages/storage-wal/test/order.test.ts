import { expect, test } from "vitest";
import { type WalFileSystem, WalStorage } from "../src/index.ts";
import { CrashDisk } from "@eraft/conformance";
import { faulty, systemError } from "./faulty-disk.ts";
import { Model, append, entries, openState, replace, snapshot, take } from "./model.ts";
import { DIR, onDisk } from "./scratch.ts";

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

// The port lets a snapshot be committed while a write is under way, and the other way round, and says that they take effect in the order of the
// calls. Both go into the log, and the log has one end: the commit's mark there would stand in the middle of the record that is being written.
test.each([
  {
    first: "the write",
    write: replace(2, ...entries(2, 2, 30, 40)),
    // It finds entry 2 replaced by one of another term, and keeps nothing.
    commit: snapshot(2, 1),
    last: append(...entries(3, 2, 50)),
  },
  {
    first: "the commit",
    // It follows a snapshot that ends beyond the log.
    write: append(...entries(10, 2, 60)),
    commit: snapshot(9, 2),
    last: append(...entries(11, 2, 50)),
  },
])(
  "a write and a commit at the same time take effect one after the other: first $first",
  async ({ first, write, commit, last }) => {
    const disk = new CrashDisk();
    const gate: { next: Promise<void> | null } = { next: null };
    const storage = new WalStorage({ dir: DIR, segmentBytes: 4096, fileSystem: slow(disk, gate) });
    const model = new Model();
    await storage.open();
    const before = append(...entries(1, 1, 10, 20, 30));
    await take(storage, before);
    model.take(before);

    const sink = await storage.createSnapshot(commit.meta);
    await sink.write(commit.data);
    const { promise, resolve: release } = Promise.withResolvers<void>();
    gate.next = promise;
    const begin = [() => take(storage, write), () => sink.commit()];
    const done = [];
    for (const operation of first === "the write" ? begin : begin.toReversed()) {
      done.push(operation());
      await quiet();
    }
    release();
    await Promise.all(done);
    for (const step of first === "the write" ? [write, commit] : [commit, write]) model.take(step);
    await take(storage, last);
    model.take(last);
    expect(await openState(onDisk(new CrashDisk(disk.image())))).toBe(model.state());
  },
);

test("a commit whose file cannot be made durable is heard by its caller alone, however long the write before it takes", async () => {
  const disk = new CrashDisk();
  const gate: { next: Promise<void> | null } = { next: null };
  const fileSystem = faulty(slow(disk, gate), (point, path) =>
    point === "sync" && path.endsWith(".snap.tmp") ? systemError("EIO") : null,
  );
  const storage = new WalStorage({ dir: DIR, fileSystem });
  await storage.open();
  const sink = await storage.createSnapshot({ lastIncludedIndex: 5, lastIncludedTerm: 1 });
  const { promise, resolve: release } = Promise.withResolvers<void>();
  gate.next = promise;
  const writing = take(storage, append(...entries(1, 1, 10)));
  const committing = sink.commit();
  // An error that nobody listens to would end the process here.
  await quiet();
  release();
  await writing;
  await expect(committing).rejects.toMatchObject({ code: "ERAFT_WAL_FAILED", cause: { code: "EIO" } });
  await storage.close();
});
