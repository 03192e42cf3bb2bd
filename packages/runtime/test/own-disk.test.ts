import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cluster, type Member } from "./support/cluster.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";
import { bytes } from "./support/journal.ts";

let cluster: Cluster;
let before: Member;

// One server: entry 1 is the opening of its term, then a command each.
beforeEach(async () => {
  cluster = await Cluster.start(1, { snapshotBytes: 1 << 20 });
  before = await cluster.leader();
  for (const command of ["a", "b", "c"]) await cluster.await(before.node.propose(bytes(command)));
});
afterEach(() => cluster.stop());

/** The next life of the server, whose state machine comes back with `lines`, and says that this is entry `index`. */
async function reopen(index: number, lines: readonly string[]): Promise<Member> {
  await cluster.await(before.node.stop());
  const next = cluster.make(0, new FaultyStorage(before.storage.inner));
  next.journal.opensAt = index;
  next.journal.lines = [...lines];
  return next;
}

async function compact(): Promise<void> {
  await cluster.await(before.node.stop());
  before = cluster.make(0, new FaultyStorage(before.storage.inner), { snapshotBytes: 1, retainedBytes: 0 });
  await before.node.start();
  await cluster.until(() => before.node.status().snapshotIndex >= 4, "no snapshot");
}

const ALL = ["2:a", "3:b", "4:c"];

describe("a state machine on a disk of its own", () => {
  test.for([0, 1, 2, 3, 4])(
    "that reflects entry %i is handed what follows, once and in order",
    async (index) => {
      const next = await reopen(index, ALL.slice(0, Math.max(0, index - 1)));
      await next.node.start();
      expect(next.node.status()).toMatchObject({ lastApplied: index, commitIndex: index });
      await cluster.until(() => next.node.status().lastApplied === 5, "the rest is not applied");
      expect(next.journal).toMatchObject({ lines: ALL, restores: 0 });
      await cluster.await(next.node.propose(bytes("d")));
      expect(next.journal.lines).toEqual([...ALL, "6:d"]);
    },
  );

  test("answers from what it has before there is a leader", async () => {
    const next = await reopen(3, ALL.slice(0, 2));
    await next.node.start();
    expect(await next.node.read("all", { consistency: "stale" })).toBe("2:a,3:b");
  });

  test("that reflects more than the stored snapshot is not restored from it", async () => {
    await compact();
    const { lastApplied, snapshotIndex } = before.node.status();
    await cluster.await(before.node.propose(bytes("d")));
    const next = await reopen(lastApplied + 1, [...ALL, `${lastApplied + 1}:d`]);
    await next.node.start();
    await cluster.leader();
    expect(snapshotIndex).toBeGreaterThanOrEqual(4);
    expect(next.journal.restores).toBe(0);
    expect(next.journal.lines).toEqual([...ALL, `${lastApplied + 1}:d`]);
  });

  // Crashed between the commit of a snapshot and the state machine's restore, or in the middle of that.
  test.for([0, 3])(
    "that is at %i, behind the stored snapshot, is restored before anything else",
    async (index) => {
      await compact();
      const { snapshotIndex } = before.node.status();
      const next = await reopen(index, ["half of something"]);
      next.journal.onApply = () => expect(next.journal.restores).toBe(1);
      await next.node.start();
      expect(next.node.status().lastApplied).toBe(snapshotIndex);
      expect(next.journal.lines).toEqual(ALL);
      await cluster.leader();
      await cluster.await(next.node.propose(bytes("d")));
      expect(next.journal.restores).toBe(1);
      expect(next.journal.lines).toHaveLength(4);
    },
  );

  test.for([6, 1000])(
    "that reflects entry %i, ahead of the log, belongs to another storage",
    async (index) => {
      const next = await reopen(index, []);
      await expect(next.node.start()).rejects.toThrow(
        `it reflects entry ${index}, but the storage's log ends at 4: the two do not belong together. If the storage was lost`,
      );
      expect(next.node.status().failure).toMatchObject({ code: "STATE_MACHINE_FAILED" });
    },
  );

  test.for([-1, 1.5, Number.NaN, 2 ** 53])("that says it is at %d says nothing", async (index) => {
    const next = await reopen(index, []);
    await expect(next.node.start()).rejects.toThrow("which is not a log index");
  });
});
