import { expect, test } from "vitest";
import { TimeLimits } from "../src/server/time-limits.ts";
import { type Waiting, WaitingList } from "../src/server/waiting-list.ts";
import { seeded } from "./support/commands.ts";
import { ManualClock } from "./support/manual-clock.ts";

interface Numbered extends Waiting {
  readonly number: number;
}

function waiting(number: number): Numbered {
  return { number, dueMs: 0, before: null, after: null, stop() {} };
}

/** From both ends. */
function contentsOf(list: WaitingList): number[] {
  const forth: number[] = [];
  let last: Waiting | null = null;
  for (let at = list.first; at !== null; at = at.after) {
    forth.push((at as Numbered).number);
    last = at;
  }
  const back: number[] = [];
  for (let at = last; at !== null; at = at.before) back.push((at as Numbered).number);
  expect(back.toReversed()).toStrictEqual(forth);
  return forth;
}

test("those who wait stand in the order in which they came, whoever leaves, and who has left leads to nobody", () => {
  const random = seeded(3);
  const list = new WaitingList();
  let expected: Numbered[] = [];
  const left: Numbered[] = [];
  for (let number = 0; number < 3000; number += 1) {
    if (random() < 0.5 || expected.length === 0) {
      const one = waiting(number);
      list.add(one);
      expected.push(one);
    } else {
      // The first, the last, or any other.
      const at = Math.floor(Math.min(1, Math.max(0, random() * 1.4 - 0.2)) * (expected.length - 1));
      const gone = expected[at] ?? waiting(-1);
      expected.splice(at, 1);
      list.delete(gone);
      left.push(gone);
      list.delete(gone);
    }
    if (random() < 0.02) {
      for (const one of expected) list.delete(one);
      expected = [];
    }
    expect(contentsOf(list)).toStrictEqual(expected.map((one) => one.number));
  }
  expect(left.length).toBeGreaterThan(1000);
  expect(left.filter((one) => one.before !== null || one.after !== null)).toStrictEqual([]);
});

test("who is not in it does not leave it", () => {
  const list = new WaitingList();
  list.delete(waiting(0));
  expect(list.first).toBeNull();
  list.add(waiting(1));
  list.delete(waiting(2));
  expect(contentsOf(list)).toStrictEqual([1]);
});

test("a call is ended at its time although another one was answered before", async () => {
  const clock = new ManualClock();
  const limits = new TimeLimits(clock, 100);
  const call = { signal: new AbortController().signal, timeoutMs: () => undefined };
  const answers: unknown[] = [];
  const first = Promise.withResolvers<string>();
  for (const promise of [first.promise, new Promise<string>(() => {})]) {
    void limits.run(call, () => promise).then((answer) => answers.push(answer));
  }
  first.resolve("done");
  await clock.advance(99);
  expect(answers).toStrictEqual(["done"]);
  await clock.advance(1);
  expect(answers).toStrictEqual(["done", null]);
  expect(clock.pending).toBe(0);
});
