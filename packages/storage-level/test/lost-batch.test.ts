import { LevelDamageError } from "@eraft/storage-level";
import { expect, test } from "vitest";
import { LevelDevice, hex, levelSite } from "./crash-level.ts";
import { batch, entries, vote } from "./entries.ts";

/** The device as if the database had dropped one batch and kept all later ones, as LevelDB does with one that it cannot read. */
function without(level: LevelDevice, lost: number): LevelDevice {
  const image = new Map<string, string>();
  for (const [at, operation] of level.operations.entries()) {
    if (operation.type === "sync" || at === lost) continue;
    for (const [key, value] of operation.changes) {
      if (value === null) image.delete(key);
      else image.set(key, value);
    }
  }
  return new LevelDevice(image);
}

async function found(level: LevelDevice): Promise<string> {
  const { hardState, snapshot, entries: log } = await levelSite(level).storage().open();
  return JSON.stringify([
    hardState,
    snapshot,
    log.map(({ index, term, command }) => [index, term, hex(command)]),
  ]);
}

test("a batch that is dropped while later ones are kept is noticed, or nothing is lost with it", async () => {
  const site = levelSite();
  const storage = site.storage();
  await storage.open();
  await storage.write(batch({ ...vote(1, 0), entries: entries(1, 1, 9, 9, 9) }));
  await storage.write(batch({ entries: entries(4, 1, 9, 9, 9) }));
  // Replaces entries 5 and 6: lost, they would be there as they were before.
  await storage.write(batch({ ...vote(2, 1), truncateFrom: 5, entries: entries(5, 2, 5, 5) }));
  await storage.write(batch({ entries: entries(7, 2, 9) }));
  await storage.write(batch(vote(3, 2)));
  // Lost, the entry would be there that it drops.
  await storage.write(batch({ truncateFrom: 7 }));
  const sink = await storage.createSnapshot({ lastIncludedIndex: 2, lastIncludedTerm: 1 });
  await sink.write(new Uint8Array(300));
  await sink.commit();
  await storage.write(batch({ entries: entries(7, 3, 9, 9) }));
  await storage.close();
  const { level } = site;
  const contents = await found(new LevelDevice(level.image));
  const batches = [...level.operations.keys()].filter((at) => level.operations[at]?.type === "batch");
  const outcomes = await Promise.all(
    batches.slice(0, -1).map(async (at) => {
      try {
        return (await found(without(level, at))) === contents
          ? "nothing is lost"
          : `batch ${at} is not missed`;
      } catch (error) {
        return error instanceof LevelDamageError ? "refused" : String(error);
      }
    }),
  );
  expect(outcomes.filter((what) => what !== "refused" && what !== "nothing is lost")).toEqual([]);
  expect(outcomes.filter((what) => what === "refused").length).toBe(5);
});

test("an entry beyond the end of the log, whose truncation was dropped, is refused", async () => {
  const site = levelSite();
  const { level } = site;
  const storage = site.storage();
  await storage.open();
  await storage.write(batch({ entries: entries(1, 1, 9, 9, 9) }));
  const truncation = level.operations.length;
  await storage.write(batch({ truncateFrom: 3 }));
  await storage.write(batch(vote(2, 1)));
  await expect(found(without(level, truncation))).rejects.toThrow(
    "the log ends at entry 3, and its head says 2",
  );
});

test("an older copy of the head beside the newest one is refused", async () => {
  const site = levelSite();
  const { level } = site;
  const storage = site.storage();
  await storage.open();
  await storage.write(batch(vote(1, 0)));
  const older = level.image.get(hex(Buffer.from("a"))) ?? "";
  await storage.write(batch(vote(2, 1)));
  await storage.close();
  level.tamper(Buffer.from("a"), Buffer.from(older, "hex"));
  await expect(found(level)).rejects.toThrow("the first head is that of batch 1, the second that of batch 2");
});
