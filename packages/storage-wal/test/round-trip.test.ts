import { expect, test } from "vitest";
import { WalStorage, WalUsageError } from "../src/index.ts";
import type { State, Step } from "./model.ts";
import { Model, append, entries, openState, replace, snapshot, take, vote } from "./model.ts";
import { filesOf, scratchDirectory } from "./scratch.ts";

/** Takes the steps one by one, with a restart after each: what each open found, and what it should have found. */
async function withRestarts(
  steps: readonly Step[],
  segmentBytes: number,
): Promise<{ found: State[]; expected: State[] }> {
  const dir = scratchDirectory();
  const model = new Model();
  const found: State[] = [];
  const expected: State[] = [];
  for (const step of [...steps, null]) {
    const storage = new WalStorage({ dir, segmentBytes });
    found.push(await openState(storage));
    expected.push(model.state());
    if (step !== null) {
      await take(storage, step);
      model.take(step);
    }
    await storage.close();
  }
  return { found, expected };
}

test("a new directory holds nothing, and is created with its parents", async () => {
  const dir = `${scratchDirectory()}/a/b`;
  const storage = new WalStorage({ dir });
  expect(await storage.open()).toEqual({
    hardState: { term: 0, votedFor: null },
    snapshot: null,
    entries: [],
  });
  expect(await storage.readSnapshot()).toBeNull();
  await storage.close();
});

test("term, vote and entries come back after each restart", async () => {
  const { found, expected } = await withRestarts(
    [
      vote(1, 0),
      append(...entries(1, 1, 0, 1, 7, 8, 9)),
      vote(2, null),
      vote(2, 2 ** 53 - 1),
      append(...entries(6, 2, 5000)),
    ],
    8 * 1024 * 1024,
  );
  expect(found).toEqual(expected);
});

test("the log goes over many segments, and truncation reaches back across them", async () => {
  const { found, expected } = await withRestarts(
    [
      append(...entries(1, 1, 200)),
      append(...entries(2, 1, 200)),
      append(...entries(3, 1, 200)),
      append(...entries(4, 1, 200)),
      replace(2, ...entries(2, 2, 200)),
      append(...entries(3, 2, 200)),
      replace(1),
      append(...entries(1, 3, 300)),
    ],
    512,
  );
  expect(found).toEqual(expected);
});

test("ABA: an index that is truncated and written again has the last content, in whatever segment", async () => {
  const { found, expected } = await withRestarts(
    [1, 2, 3, 4, 5].map((term) => replace(1, ...entries(1, term, 150))),
    512,
  );
  expect(found).toEqual(expected);
});

test("a snapshot keeps what follows it if the entry at its index has its term, else nothing", async () => {
  const log = append(...entries(1, 1, 30, 30, 30, 30));
  const histories = [
    [log, snapshot(2, 1), append(...entries(5, 1, 10))],
    [log, snapshot(2, 2), append(...entries(3, 2, 10))],
    [log, snapshot(9, 1), append(...entries(10, 1, 10))],
    [log, snapshot(4, 1), append(...entries(5, 1, 10))],
    [snapshot(4, 1, 0), snapshot(5, 1, 300_000), vote(3, 1)],
  ];
  for (const history of histories) {
    const { found, expected } = await withRestarts(history, 512);
    expect(found).toEqual(expected);
  }
});

test("truncating into a segment that a snapshot let go of does not confuse a restart", async () => {
  // Segment 2 begins after entry 3, goes back to entry 2, and ends there: its successor's checkpoint has a term that is only
  // written in segment 1, which the snapshot deletes.
  const { found, expected } = await withRestarts(
    [
      append(...entries(1, 1, 100, 100)),
      append(...entries(3, 1, 100)),
      replace(3),
      append(...entries(3, 2, 300)),
      replace(2),
      snapshot(3, 3),
      append(...entries(4, 3, 300)),
      append(...entries(5, 3, 300)),
    ],
    512,
  );
  expect(found).toEqual(expected);
});

test("after a snapshot only what is needed stays on the disk", async () => {
  const dir = scratchDirectory();
  const storage = new WalStorage({ dir, segmentBytes: 512 });
  await storage.open();
  for (let index = 1; index <= 50; index++) await take(storage, append(...entries(index, 1, 200)));
  const full = storage.size();
  expect(filesOf(dir).size).toBeGreaterThan(20);
  await take(storage, snapshot(50, 1));
  expect([...filesOf(dir).keys()].map((name) => name.slice(0, 4))).toEqual(["snap", "wal-"]);
  await take(storage, snapshot(60, 1));
  expect(filesOf(dir).size).toBe(2);
  expect(storage.size()).toBeLessThan(full / 10);
  await storage.close();
});

test("size counts bytes in use, not those set aside", async () => {
  const storage = new WalStorage({ dir: scratchDirectory() });
  await storage.open();
  const empty = storage.size();
  expect(empty).toBeLessThan(1024);
  await take(storage, append(...entries(1, 1, 1000)));
  expect(storage.size() - empty).toBeGreaterThan(1000);
  expect(storage.size() - empty).toBeLessThan(1200);
  await storage.close();
});

test("a write that breaks the contract is refused and changes nothing", async () => {
  const dir = scratchDirectory();
  const storage = new WalStorage({ dir });
  const model = new Model();
  await storage.open();
  const good = [append(...entries(1, 3, 10, 10, 10)), snapshot(2, 3)];
  for (const step of good) {
    await take(storage, step);
    model.take(step);
  }
  const refused: Step[] = [
    append(...entries(5, 3, 1)),
    append(...entries(3, 3, 1)),
    append(...entries(4, 2, 1)),
    append(...entries(4, 2 ** 53, 1)),
    append({ index: 4, term: 3, command: "text" as unknown as Uint8Array }),
    replace(2),
    replace(0),
    replace(2.5),
    vote(-1, 1),
    vote(1.5, 1),
    vote(4, -1),
  ];
  for (const step of refused) await expect(take(storage, step)).rejects.toThrow(WalUsageError);
  const last = append(...entries(4, 3, 10));
  await take(storage, last);
  model.take(last);
  await storage.close();
  const again = new WalStorage({ dir });
  expect(await openState(again)).toBe(model.state());
  await again.close();
});

test("an entry does not keep the file it was read from in memory, nor the caller's buffer", async () => {
  const dir = scratchDirectory();
  const storage = new WalStorage({ dir });
  await storage.open();
  const command = new Uint8Array(64).fill(1);
  const written = storage.write({
    hardState: null,
    truncateFrom: null,
    entries: [{ index: 1, term: 1, command }],
  });
  await written;
  command.fill(2);
  await storage.close();
  const again = new WalStorage({ dir });
  const [entry] = (await again.open()).entries;
  expect(entry?.command).toEqual(new Uint8Array(64).fill(1));
  // Small ones share, some at a time.
  expect(entry?.command.buffer.byteLength).toBeLessThanOrEqual(16_384);
  await again.close();
});

test("it must be opened once, before anything else, and not after it was closed", async () => {
  const storage = new WalStorage({ dir: scratchDirectory() });
  const batch = { hardState: null, truncateFrom: null, entries: [] };
  await expect(storage.write(batch)).rejects.toThrow("not open");
  await expect(storage.createSnapshot({ lastIncludedIndex: 1, lastIncludedTerm: 1 })).rejects.toThrow(
    "not open",
  );
  await storage.open();
  await expect(storage.open()).rejects.toThrow("before");
  await storage.close();
  await storage.close();
  await expect(storage.write(batch)).rejects.toThrow("closed");
  await expect(storage.readSnapshot()).rejects.toThrow("closed");
});

test.each([0, 511, 520.5, 513, 2 ** 30 + 8, Number.NaN])("segmentBytes %d is refused", (segmentBytes) => {
  expect(() => new WalStorage({ dir: "somewhere", segmentBytes })).toThrow(WalUsageError);
});
