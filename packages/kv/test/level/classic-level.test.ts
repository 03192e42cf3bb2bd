import { KvStateMachine } from "@eraft/kv";
import { LevelKvStateMachine } from "@eraft/kv/level";
import { ClassicLevel } from "classic-level";
import { MemoryLevel } from "memory-level";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Log, append, pieces, put, snapshotOf } from "../support/commands.ts";
import * as writes from "../support/writes.ts";

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "kv-level-"));
});
afterEach(() => rm(dir, { recursive: true }));

function machineIn(place: string): LevelKvStateMachine {
  // The encodings of the database do not matter.
  return new LevelKvStateMachine({ db: new ClassicLevel<string, number>(place, { valueEncoding: "json" }) });
}

test("LevelDB: what was applied before close is there afterwards, and goes on as in memory", async () => {
  const log = new Log();
  const memory = new KvStateMachine();
  const first = machineIn(dir);
  expect(await first.open()).toBe(0);
  const commands = [
    put("a", "1"),
    append("a", "2", 7n, 1n),
    writes.write([writes.put("b", "x".repeat(100_000)), writes.remove("a")]),
    writes.write([writes.put("b\xff", "y"), writes.get("b")]),
  ];
  const results = await log.apply(first, ...commands);
  expect(await memory.apply(log.entries)).toEqual(results);
  await first.close();
  const second = machineIn(dir);
  expect(await second.open()).toBe(4);
  const more = await log.apply(second, append("a", "2", 7n, 1n), append("b\xff", "z"));
  expect(await memory.apply(log.entries.slice(4))).toEqual(more);
  expect(await snapshotOf(second)).toEqual(await snapshotOf(memory));
  await second.close();
});

test("LevelDB: a snapshot of many keys is restored, and read again while it changes", async () => {
  const memory = new KvStateMachine();
  const log = new Log();
  for (let from = 0; from < 20_000; from += 100) {
    const operations = Array.from({ length: 100 }, (_, at) => writes.put(`key ${from + at}`, `value ${at}`));
    await log.apply(memory, writes.write(operations));
  }
  const snapshot = await snapshotOf(memory);
  const machine = machineIn(dir);
  await machine.open();
  await machine.restore(pieces(snapshot, 65_536), log.entries.length);
  const view = machine.snapshot()[Symbol.asyncIterator]();
  const read: Uint8Array[] = [];
  for (let next = await view.next(); next.done !== true; next = await view.next()) {
    read.push(next.value);
    await log.apply(
      machine,
      put("key 1", `${read.length}`),
      writes.write([writes.remove(`key ${read.length}`)]),
    );
  }
  expect(Buffer.concat(read).equals(snapshot)).toBe(true);
  const page = await machine.query({
    type: "scan",
    start: "key 1",
    end: "key 1\xff",
    isDescending: true,
    maxItems: 3,
    maxBytes: 1000,
    keysOnly: false,
  });
  expect(page.entries.map(({ key }) => key)).toEqual(["key 19999", "key 19998", "key 19997"]);
  expect(page.hasMore).toBe(true);
  await machine.close();
});

test("a view that nobody reads holds nothing up", async () => {
  const machine = machineIn(dir);
  await machine.open();
  await new Log().apply(machine, put("a", "1"));
  machine.snapshot();
  const begun = machine.snapshot()[Symbol.asyncIterator]();
  await begun.return?.();
  await expect(begun.next()).resolves.toEqual({ done: true, value: undefined });
  await machine.close();
});

test("LevelDB in use is told from a broken one", async () => {
  const machine = machineIn(dir);
  await machine.open();
  await expect(machineIn(dir).open()).rejects.toMatchObject({ name: "KvDiskError", code: "locked" });
  await machine.close();
});

test("databases of all kinds fit its type", () => {
  expect(() => new LevelKvStateMachine({ db: new MemoryLevel<Buffer, Uint8Array>() })).not.toThrow();
});
