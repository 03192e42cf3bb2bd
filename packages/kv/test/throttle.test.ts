import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Throttle } from "../src/client/throttle.ts";
import { ScriptedCluster, failing, hanging, serving } from "./support/cluster.ts";
import { ManualClock, finish, settle } from "./support/manual-clock.ts";

const SIGNAL = new AbortController().signal;

/** Begins `count` attempts; those that may, in the order in which they could. */
function begin(throttle: Throttle, count: number): { readonly numbers: number[]; readonly names: number[] } {
  const begun = { numbers: [] as number[], names: [] as number[] };
  for (let name = 0; name < count; name += 1) {
    void (async () => {
      const number = await throttle.begin(SIGNAL);
      if (number === null) return;
      begun.numbers.push(number);
      begun.names.push(name);
    })();
  }
  return begun;
}

/** A throttle that has found out that the servers bear four attempts at a time; none is under way. */
async function ofFour(clock = new ManualClock()): Promise<Throttle> {
  const throttle = new Throttle(clock);
  const { numbers } = begin(throttle, 8);
  await settle();
  for (const number of numbers) throttle.end(number, "busy");
  return throttle;
}

test("without a server that is busy any number of attempts may be under way", async () => {
  const throttle = new Throttle(new ManualClock());
  const { numbers } = begin(throttle, 1000);
  await settle();
  expect(numbers).toHaveLength(1000);
  for (const number of numbers) throttle.end(number, number % 2 === 0 ? "served" : "other");
  const again = begin(throttle, 1000);
  await settle();
  expect(again.numbers).toHaveLength(1000);
});

test("busy halves what may be under way, once for all attempts that were begun before", async () => {
  const throttle = await ofFour();
  const { numbers } = begin(throttle, 10);
  await settle();
  expect(numbers).toHaveLength(4);
  // Begun after that: it is still too much.
  throttle.end(numbers[0] ?? 0, "busy");
  await settle();
  expect(numbers).toHaveLength(4);
  throttle.end(numbers[1] ?? 0, "busy");
  throttle.end(numbers[2] ?? 0, "busy");
  await settle();
  expect(numbers).toHaveLength(5);
});

test("one at a time is always left", async () => {
  const throttle = await ofFour();
  throttle.end((await throttle.begin(SIGNAL)) ?? 0, "busy");
  const { numbers } = begin(throttle, 3);
  await settle();
  expect(numbers).toHaveLength(1);
});

test("where even one at a time is too much, there are pauses, twice as long each time until one is served", async () => {
  const clock = new ManualClock();
  const throttle = new Throttle(clock);
  const timesMs: number[] = [];
  const ask = async (end: "busy" | "served"): Promise<void> => {
    const number = await finish(clock, throttle.begin(SIGNAL));
    timesMs.push(clock.now());
    throttle.end(number ?? 0, end);
  };
  for (let n = 0; n < 8; n += 1) await ask("busy");
  expect(timesMs.map((ms, at) => ms - (timesMs[at - 1] ?? 0))).toEqual([0, 0, 25, 50, 100, 200, 400, 500]);
  for (const end of ["served", "busy", "busy", "served"] as const) await ask(end);
  expect(clock.now()).toBe(25 + 50 + 100 + 200 + 400 + 500 + 500 + 25);
  // Nobody waits any more, so no timer does.
  expect(clock.pending).toBe(0);
  for (let n = 0; n < 2; n += 1) throttle.end((await throttle.begin(SIGNAL)) ?? 0, "busy");
  const controller = new AbortController();
  const waiting = throttle.begin(controller.signal);
  expect(clock.pending).toBe(1);
  controller.abort();
  expect(await waiting).toBeNull();
  expect(clock.pending).toBe(0);
});

test("what is served makes room for one more when as many as are under way were, and only if all of the room was used", async () => {
  const throttle = await ofFour();
  for (let n = 0; n < 100; n += 1) throttle.end((await throttle.begin(SIGNAL)) ?? 0, "served");
  const { numbers } = begin(throttle, 20);
  await settle();
  expect(numbers).toHaveLength(4);
  for (let n = 0; n < 5; n += 1) {
    throttle.end(numbers[n] ?? 0, "served");
    await settle();
  }
  expect(numbers).toHaveLength(4 + 5 + 1);
});

test("those who wait go in the order of coming, and the newest first once one has waited for long", async () => {
  const clock = new ManualClock();
  const throttle = await ofFour(clock);
  const { numbers, names } = begin(throttle, 8);
  await clock.advance(100);
  throttle.end(numbers[0] ?? 0, "other");
  await settle();
  expect(names).toEqual([0, 1, 2, 3, 4]);
  await clock.advance(1);
  throttle.end(numbers[1] ?? 0, "other");
  throttle.end(numbers[2] ?? 0, "other");
  await settle();
  expect(names).toEqual([0, 1, 2, 3, 4, 7, 6]);
});

test("who gives up while waiting leaves the line, and takes nobody's turn", async () => {
  const throttle = await ofFour();
  const { numbers } = begin(throttle, 4);
  await settle();
  const controller = new AbortController();
  const gone = throttle.begin(controller.signal);
  const next = throttle.begin(SIGNAL);
  controller.abort();
  expect(await gone).toBeNull();
  expect(await throttle.begin(controller.signal)).toBeNull();
  throttle.end(numbers[0] ?? 0, "other");
  expect(await next).not.toBeNull();
});

test("a client with many callers spares a busy server, and gets through when it is busy no longer", async () => {
  let isBusy = true;
  const busy = failing(Code.ResourceExhausted);
  const cluster = new ScriptedCluster({ a: (...args) => (isBusy ? busy : serving)(...args) });
  const kv = cluster.client();
  const puts = Array.from({ length: 100 }, (_, n) => kv.put(`k${n}`, "v", { deadlineMs: 5000 }));
  await cluster.clock.advance(1000);
  const asked = cluster.asked.length;
  // Each for itself, a hundred with pauses of 25 ms and more, would have asked seven times by now.
  expect(asked).toBeLessThan(120);
  isBusy = false;
  await finish(cluster.clock, Promise.all(puts));
  expect(cluster.clock.now()).toBeLessThan(2500);
});

test("a put that never had its turn was certainly not done", async () => {
  const cluster = new ScriptedCluster({ a: [failing(Code.ResourceExhausted), hanging] });
  const kv = cluster.client({ attemptTimeoutMs: 10_000 });
  const first = kv.put("k", "1", { deadlineMs: 5000 }).catch((error: unknown) => error);
  await cluster.clock.advance(100);
  const second = kv.put("k", "2", { deadlineMs: 1000 }).catch((error: unknown) => error);
  expect(await finish(cluster.clock, second)).toMatchObject({
    code: "timeout",
    outcome: "not-done",
    attempts: 0,
  });
  expect(await finish(cluster.clock, first)).toMatchObject({ code: "timeout", outcome: "unknown" });
});
