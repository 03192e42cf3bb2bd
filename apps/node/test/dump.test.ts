import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type DumpItem, footerLine, headerLine, itemLine, itemsOf } from "../src/dump/format.ts";
import { load } from "../src/dump/load.ts";
import { Progress } from "../src/dump/progress.ts";
import { targetOf } from "../src/dump/target.ts";
import { processIo } from "../src/io.ts";
import { WRONG_DUMPS } from "./support/wrong-files.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** In pieces of `size` bytes, which cut lines and characters. */
async function* pieces(text: string, size = 3): AsyncGenerator<Uint8Array> {
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

async function read(text: string): Promise<DumpItem[]> {
  const items: DumpItem[] = [];
  for await (const item of itemsOf("f", pieces(text))) items.push(item);
  return items;
}

const ITEMS: readonly DumpItem[] = [
  { key: utf8("a"), value: utf8("") },
  { key: utf8("ä\n"), value: utf8("größer 🦑\u2028") },
  { key: Uint8Array.of(0xff), value: Uint8Array.of(0, 0xff) },
];

test("what is exported is what is imported, byte for byte", async () => {
  const text = headerLine() + ITEMS.map(itemLine).join("") + footerLine(ITEMS.length);
  expect(text).toContain('{"key_base64":"/w==","value_base64":"AP8="}\n');
  const items = await read(text);
  expect(items.map(({ key, value }) => [[...key], [...value]])).toEqual(
    ITEMS.map(({ key, value }) => [[...key], [...value]]),
  );
  expect(await read(headerLine() + footerLine(0))).toEqual([]);
});

test.each(WRONG_DUMPS)("%s is refused with the line", async (_, text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test("a file appears as a whole, and what was there stays until then", async () => {
  const dir = await mkdtemp(join(tmpdir(), "eraft-dump-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = join(dir, "x");
  const first = await targetOf(file, processIo);
  await first.write("first");
  expect(await readdir(dir)).toEqual(["x.part"]);
  await first.commit();
  const second = await targetOf(file, processIo);
  await second.write("sec");
  await second.abort();
  expect(await readdir(dir)).toEqual(["x"]);
  expect(await readFile(file, "utf8")).toBe("first");
  await expect(targetOf(join(dir, "no", "x"), processIo)).rejects.toThrow(/^cannot write .*no\/x: /);
});

/** A store that keeps what it is given, after a moment; `fail` names the batch that fails. */
function slowStore(fail = Infinity): {
  readonly sizes: number[];
  most: number;
  readonly batch: Parameters<typeof load>[0]["batch"];
} {
  let underWay = 0;
  const store = {
    sizes: [] as number[],
    most: 0,
    batch: (async (operations: readonly unknown[]) => {
      const number = store.sizes.push(operations.length);
      underWay += 1;
      store.most = Math.max(store.most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      if (number === fail) throw new Error("the batch failed");
      return { done: true, revision: 1, results: [] };
    }) as never,
  };
  return store;
}

async function* many(count: number, valueBytes: number): AsyncGenerator<DumpItem> {
  for (let at = 0; at < count; at += 1) yield { key: utf8(String(at)), value: new Uint8Array(valueBytes) };
}

test("items are put in batches, several at a time, and each is counted when it is there", async () => {
  const store = slowStore();
  let put = 0;
  await load(store, many(1950, 10), (count) => (put += count));
  expect(put).toBe(1950);
  expect(store.sizes).toEqual([...Array.from({ length: 19 }, () => 100), 50]);
  expect(store.most).toBe(8);
});

test("a batch of large values is a small one, and one value always fits", async () => {
  const store = slowStore();
  await load(store, many(4, 100_000), () => {});
  expect(store.sizes).toEqual([2, 2]);
  const large = slowStore();
  await load(large, many(2, 1024 * 1024), () => {});
  expect(large.sizes).toEqual([1, 1]);
});

test("after a failure nothing new is begun, and what is there is counted", async () => {
  const store = slowStore(3);
  let put = 0;
  await expect(load(store, many(5000, 10), (count) => (put += count))).rejects.toThrow("the batch failed");
  expect(store.sizes.length).toBeLessThan(20);
  expect(put).toBe(100 * (store.sizes.length - 1));
});

test("progress is one line that is taken away, and nothing where nobody looks", () => {
  let err = "";
  let now = 0;
  const io = { ...processIo, err: (text: string) => void (err += text) };
  const watched = new Progress({ ...io, isWatched: true }, () => now);
  watched.show("1 of 3");
  now += 100;
  watched.show("2 of 3");
  now += 200;
  watched.show("3");
  watched.clear();
  expect(err).toBe("\r1 of 3\r3     \r \r");
  err = "";
  const unwatched = new Progress({ ...io, isWatched: false }, () => now);
  unwatched.show("1 of 3");
  unwatched.clear();
  expect(err).toBe("");
});
