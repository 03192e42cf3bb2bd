import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { type Change, type HistoryView, KvStateMachine } from "@eraft/kv";
import { History } from "../src/state/history.ts";
import { Log, seeded } from "./support/commands.ts";
import { apply, put, remove } from "./support/writes.ts";

function limits(maxHistoryChanges: number, maxHistoryBytes: number) {
  return { maxHistoryChanges, maxHistoryBytes };
}

/** Changes with `bytes` bytes in each. */
function changes(count: number, bytes: number, revision: number): Change[] {
  const value = "v".repeat(bytes - 1);
  const item = { value, createRevision: revision, modRevision: revision };
  return Array.from({ length: count }, (_, i) => ({ key: String.fromCharCode(i), item }));
}

function contentsOf(view: HistoryView): (readonly Change[] | undefined)[] {
  const contents = [];
  for (let revision = view.firstRevision; revision <= view.revision; revision++) {
    contents.push(view.changesOf(revision));
  }
  return contents;
}

test("it keeps the newest changes that its limits allow, whole revisions, and views keep what they had", () => {
  const random = seeded(5);
  const bounds = limits(700, 9000);
  const history = new History(bounds, 0);
  const all: Change[][] = [];
  const views: { readonly view: HistoryView; readonly contents: unknown }[] = [];
  for (let revision = 1; revision <= 4000; revision++) {
    const added = changes(1 + Math.floor(random() ** 8 * 100), 1 + Math.floor(random() * 30), revision);
    all.push(added);
    history.push(added);
    let kept = 0;
    const total = { changes: 0, bytes: 0 };
    for (const one of all.toReversed()) {
      total.changes += one.length;
      total.bytes += one.reduce((sum, { key, item }) => sum + key.length + (item?.value.length ?? 0), 0);
      if (total.changes > bounds.maxHistoryChanges || total.bytes > bounds.maxHistoryBytes) break;
      kept += 1;
    }
    expect([history.revision, history.firstRevision]).toStrictEqual([revision, revision - kept + 1]);
    if (revision % 301 === 0) views.push({ view: history.view(), contents: contentsOf(history) });
    if (revision % 97 !== 0) continue;
    expect(contentsOf(history)).toStrictEqual(all.slice(-kept));
    for (const outside of [history.firstRevision - 1, revision + 1, 0, -1, 1.5, NaN]) {
      expect(history.changesOf(outside)).toBeUndefined();
    }
  }
  expect(history.firstRevision).toBeGreaterThan(3000);
  for (const { view, contents } of views) {
    expect(contentsOf(view)).toStrictEqual(contents);
    expect(view.changesOf(view.revision + 1)).toBeUndefined();
    expect(view.changesOf(view.firstRevision - 1)).toBeUndefined();
  }
});

test("the newest revision is kept, however large it is", () => {
  const history = new History(limits(2, 10), 7);
  expect([history.firstRevision, history.revision, history.changeCount]).toStrictEqual([8, 7, 0]);
  history.push(changes(100, 5, 8));
  expect([history.firstRevision, history.changeCount]).toStrictEqual([8, 100]);
  history.push(changes(1, 100, 9));
  expect([history.firstRevision, history.changeCount]).toStrictEqual([9, 1]);
});

async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  // What a WeakRef was made of lives on until the end of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  gc();
}

test("a value that is not kept any more can be freed, although its neighbours are kept", async () => {
  const history = new History(limits(10, 1 << 20), 0);
  const values: WeakRef<Uint8Array>[] = [];
  for (let revision = 1; revision <= 20; revision++) {
    const value = new Uint8Array(1000);
    values.push(new WeakRef(value));
    history.push([{ key: "k", item: { value, createRevision: 1, modRevision: revision } }]);
  }
  await collectGarbage();
  const left = values.map((value) => value.deref() !== undefined);
  expect(left).toStrictEqual(Array.from({ length: 20 }, (_, i) => i >= 10));
  expect(history.changeCount).toBe(10);
});

test("the lists of changes that it is given are not kept: they have room for many more", async () => {
  const history = new History(limits(1000, 1 << 20), 0);
  // In a function of its own: a variable here would keep the last one.
  const push = (revision: number): WeakRef<Change[]> => {
    const list = changes(1 + (revision % 3), 10, revision);
    history.push(list);
    return new WeakRef(list);
  };
  const lists = Array.from({ length: 40 }, (_, i) => push(i + 1));
  await collectGarbage();
  expect(lists.filter((list) => list.deref() !== undefined)).toStrictEqual([]);
  expect(contentsOf(history).map((kept) => kept?.length)).toStrictEqual(
    Array.from({ length: 40 }, (_, i) => 1 + ((i + 1) % 3)),
  );
});

test("servers keep the same history whether they applied the log or came from a snapshot", async () => {
  const random = seeded(9);
  const options = { maxHistoryChanges: 50, maxHistoryBytes: 600 };
  const whole = new KvStateMachine(options);
  let other = new KvStateMachine(options);
  const log = new Log();
  for (let round = 0; round < 60; round++) {
    const before = log.entries.length;
    for (let i = 0; i < 20; i++) {
      const key = `k${Math.floor(random() * 30)}`;
      const value = "x".repeat(Math.floor(random() * 20));
      await apply(log, whole, random() < 0.3 ? [remove(key)] : [put(key, value), put(`${key}+`, "")]);
    }
    await other.apply(log.entries.slice(before));
    if (round % 3 === 0) {
      const copy = new KvStateMachine(options);
      await copy.restore(other.snapshot(), log.entries.length);
      other = copy;
    }
    expect(other.history.firstRevision).toBe(whole.history.firstRevision);
    expect(contentsOf(other.history)).toStrictEqual(contentsOf(whole.history));
  }
  expect(whole.history.firstRevision).toBeGreaterThan(100);
});
