import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Recency } from "../../src/sessions/recency.ts";

async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  // The first time may only end a collection that is under way, and has seen some of it alive.
  for (let time = 0; time < 2; time++) {
    // What a WeakRef was made of lives on until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    gc();
  }
}

/** The same, slowly: an array of pairs, the least recently used first. */
class Model {
  pairs: (readonly [number, number])[] = [];

  use(key: number, value: number): void {
    this.delete(key);
    this.pairs.push([key, value]);
  }

  delete(key: number): void {
    this.pairs = this.pairs.filter(([other]) => other !== key);
  }
}

test("any sequence of uses and removals leaves what a list that is searched from end to end has", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const recency = new Recency<number, number>();
  const model = new Model();
  const gone: number[][] = [[], []];
  for (let step = 0; step < 5000; step++) {
    const key = random(12);
    const action = random(10);
    if (action < 6) {
      recency.use(key, step);
      model.use(key, step);
    } else if (action < 8) {
      recency.delete(key);
      model.delete(key);
    } else if (model.pairs.length > 0) {
      gone[0]?.push(recency.removeOldest());
      gone[1]?.push(model.pairs.shift()?.[1] ?? Number.NaN);
    }
    expect(recency.values()).toStrictEqual(model.pairs.map(([, value]) => value));
    expect(recency.size).toBe(model.pairs.length);
    const known = model.pairs.find(([other]) => other === key);
    expect(recency.get(key)).toBe(known?.[1]);
    expect(recency.has(key)).toBe(known !== undefined);
  }
  expect(gone[0]).toStrictEqual(gone[1]);
});

test("nothing goes from a map that is empty", () => {
  expect(() => new Recency<number, number>().removeOldest()).toThrow("is empty");
});

test("what has been replaced can be freed, however long nobody had to go", async () => {
  const recency = new Recency<number, object>();
  const values: WeakRef<object>[] = [];
  for (let at = 0; at < 10_000; at++) {
    const value = { at };
    values.push(new WeakRef(value));
    recency.use(at % 64, value);
  }
  await collectGarbage();
  expect(values.filter((value) => value.deref() !== undefined).length).toBe(64);
  expect(recency.size).toBe(64);
});

test("what was removed can be freed, in whatever order it came and went", async () => {
  const recency = new Recency<number, object>();
  const values: WeakRef<object>[] = [];
  for (let at = 0; at < 10_000; at++) {
    const value = { at };
    values.push(new WeakRef(value));
    recency.use(at, value);
    if (at % 3 === 0) recency.delete(at);
    while (recency.size > 64) recency.removeOldest();
  }
  await collectGarbage();
  expect(values.filter((value) => value.deref() !== undefined).length).toBe(64);
  expect(recency.size).toBe(64);
});
