import { expect, test } from "vitest";
import { WalStorage } from "../src/index.ts";
import { CrashDisk } from "@eraft/conformance";
import { faulty, systemError } from "./faulty-disk.ts";
import { Model, append, entries, openState, replace, snapshot, take } from "./model.ts";
import { DIR, onDisk } from "./scratch.ts";
import { type Gate, quiet, slow } from "./slow-disk.ts";

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
    const gate: Gate = { next: null };
    const storage = new WalStorage({ dir: DIR, segmentBytes: 4096, fileSystem: slow(disk, "wal-", gate) });
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
  const gate: Gate = { next: null };
  const fileSystem = faulty(slow(disk, "wal-", gate), (point, path) =>
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
