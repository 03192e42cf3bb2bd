import { expect, test } from "vitest";
import { blockOf } from "../src/entry-block.ts";
import { EntryList } from "../src/entry-list.ts";
import { entryBytes } from "../src/entry-size.ts";
import type { Entry } from "../src/index.ts";
import { Dice } from "./harness/dice.ts";

const MEMBERS = { members: [{ id: 0, address: "", standing: "voter", incarnation: null }] } as const;

function entryOf(dice: Dice, index: number, term: number): Entry {
  if (dice.roll(40) === 0) return { index, term, command: new Uint8Array(0), configuration: MEMBERS };
  const size = dice.roll(30) === 0 ? 1025 : dice.roll(20);
  return { index, term, command: new Uint8Array(size).map(() => dice.roll(256)) };
}

/** All that can be asked of both. */
function check(list: EntryList, model: readonly Entry[], dice: Dice): void {
  expect(list.length).toBe(model.length);
  expect(list.lastTerm).toBe(model.at(-1)?.term);
  const from = dice.roll(model.length + 1);
  const to = from + dice.roll(model.length - from + 1);
  expect(list.slice(from, to)).toStrictEqual(model.slice(from, to));
  for (const at of [0, from, model.length - 1, model.length, model.length + 7, -1]) {
    expect(list.termAt(at)).toBe(model[at]?.term);
  }
  for (const [first, end] of [
    [from, to],
    [0, model.length],
    [from, from],
  ] as const) {
    const expected = model.slice(first, end).reduce((sum, entry) => sum + entryBytes(entry), 0);
    expect(list.bytesBetween(first, end)).toBe(expected);
  }
}

/** What comes and goes at both ends, of a list and of a plain one. */
function walk(seed: number): void {
  const dice = new Dice(seed);
  const list = new EntryList(1 + dice.roll(8));
  let model: Entry[] = [];
  let index = 0;
  let term = 1;
  for (let step = 0; step < 60; step += 1) {
    const kind = dice.roll(10);
    if (dice.roll(3) === 0) list.pack(dice.roll(model.length + 1));
    if (kind < 6) {
      for (let count = dice.roll(60); count > 0; count -= 1) {
        index += 1;
        const entry = entryOf(dice, index, term);
        list.push(entry);
        model.push(entry);
      }
    } else if (kind < 8) {
      const count = dice.roll(model.length + 1);
      list.dropFirst(count);
      model = model.slice(count);
    } else if (kind < 9) {
      const length = dice.roll(model.length + 1);
      list.truncate(length);
      index -= model.length - length;
      model.length = length;
    } else term += 1;
    check(list, model, dice);
  }
}

test("whatever comes and goes at both ends, it has the entries that a plain list has", () => {
  for (let seed = 0; seed < 200; seed += 1) expect(() => walk(seed), `seed ${seed}`).not.toThrow();
});

const small = (count: number): Entry[] =>
  Array.from({ length: count }, (_, at) => ({ index: at + 1, term: 1, command: Uint8Array.of(at, at + 1) }));

test("entries are the objects that came as long as anybody may be busy with them", () => {
  const list = new EntryList(2);
  const entries = small(40);
  for (const entry of entries) list.push(entry);
  const packed = (end: number): number => {
    list.pack(end);
    const found = list.slice(0, 40);
    expect(found).toStrictEqual(entries);
    return found.filter((entry, at) => entry !== entries[at]).length;
  };
  // Four blocks of two are spared, and fewer than four are not worth it.
  expect([0, 8, 15, 16, 17, 23, 24, 40, 3].map(packed)).toStrictEqual([0, 0, 0, 8, 8, 8, 16, 32, 32]);
});

test("a command that is made anew keeps no other one alive", () => {
  const block = blockOf(small(8));
  expect(block.entryAt(3)).toStrictEqual({ index: 4, term: 1, command: Uint8Array.of(3, 4) });
  expect(block.entryAt(3).command.buffer.byteLength).toBe(2);
});

test.each<[string, Omit<Entry, "index">]>([
  ["of another term", { term: 2, command: new Uint8Array(1) }],
  ["with a large command", { term: 1, command: new Uint8Array(1025) }],
  ["with a configuration", { term: 1, command: new Uint8Array(0), configuration: MEMBERS }],
])("a block with an entry %s has the entries that it was made of", (_, odd) => {
  const entries = small(8);
  expect(blockOf(entries).entryAt(2)).not.toBe(entries[2]);
  entries[5] = { index: 6, ...odd };
  const block = blockOf(entries);
  for (const [at, entry] of entries.entries()) {
    expect(block.entryAt(at)).toBe(entry);
    expect([block.termAt(at), block.bytesAt(at)]).toStrictEqual([entry.term, entryBytes(entry)]);
  }
  expect(block.bytes).toBe(entries.reduce((sum, entry) => sum + entryBytes(entry), 0));
});
