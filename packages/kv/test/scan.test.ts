import { expect, test } from "vitest";
import { KvStateMachine, type KvScanQuery } from "@eraft/kv";
import { Log, seeded } from "./support/commands.ts";
import { apply, put } from "./support/writes.ts";

const ALL: KvScanQuery = {
  type: "scan",
  start: "",
  end: null,
  isDescending: false,
  maxItems: 10_000,
  maxBytes: 1 << 20,
  keysOnly: false,
};

async function filled(keys: readonly string[]): Promise<KvStateMachine> {
  const [log, machine] = [new Log(), new KvStateMachine()];
  await apply(log, machine, ...keys.map((key) => [put(key, "x".repeat(10))]));
  return machine;
}

test("a scan has the items of its range in the order of their bytes, whole pages at a time", async () => {
  const random = seeded(2);
  const keys = Array.from({ length: 300 }, () =>
    String.fromCharCode(1 + Math.floor(random() * 255), Math.floor(random() * 256)),
  );
  const machine = await filled(keys);
  const sorted = [...new Set(keys)].toSorted();
  for (let i = 0; i < 100; i++) {
    const start = keys[Math.floor(random() * 300)] ?? "";
    const end = random() < 0.3 ? null : (keys[Math.floor(random() * 300)] ?? "");
    const isDescending = random() < 0.5;
    const maxItems = 1 + Math.floor(random() * 100);
    const page = await machine.query({ ...ALL, start, end, isDescending, maxItems });
    const inRange = sorted.filter((key) => key >= start && (end === null || key < end));
    if (isDescending) inRange.reverse();
    expect(page.entries.map(({ key }) => key)).toStrictEqual(inRange.slice(0, maxItems));
    expect(page.hasMore).toBe(inRange.length > maxItems);
    expect(page.revision).toBe(300);
  }
});

test("a page ends at its bytes, but has at least one item", async () => {
  const machine = await filled(["a", "b", "c", "d"]);
  const keysOf = async (query: Partial<KvScanQuery>) => {
    const { entries, hasMore } = await machine.query({ ...ALL, ...query });
    return [entries.map(({ key }) => key).join(""), hasMore];
  };
  expect(await keysOf({ maxBytes: 1 })).toStrictEqual(["a", true]);
  expect(await keysOf({ maxBytes: 22 })).toStrictEqual(["ab", true]);
  expect(await keysOf({ maxBytes: 21 })).toStrictEqual(["a", true]);
  expect(await keysOf({ maxBytes: 44 })).toStrictEqual(["abcd", false]);
  expect(await keysOf({ maxBytes: 3, keysOnly: true })).toStrictEqual(["abc", true]);
  expect(await keysOf({ maxBytes: 1, isDescending: true })).toStrictEqual(["d", true]);
  expect(await keysOf({ start: "b", end: "b" })).toStrictEqual(["", false]);
});
