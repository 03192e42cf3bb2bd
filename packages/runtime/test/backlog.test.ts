import { afterEach, expect, test } from "vitest";
import { BusyError, type RaftNode } from "@eraft/runtime";
import { Backlog } from "../src/backlog.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { type ScriptedLeader, startLeader } from "./support/leader.ts";
import { ManualClock, settle } from "./support/manual-clock.ts";

// Under more load than a server can bear, what it does must be done for callers who are still there.

const MAX_WAIT_MS = 200;
/** As many as there have to be before anybody is refused. */
const CROWD = 32;

let leader: ScriptedLeader | null = null;
afterEach(async () => {
  await leader?.node.stop();
  leader = null;
});

async function lead(): Promise<ScriptedLeader> {
  leader = await startLeader({ maxWaitMs: MAX_WAIT_MS });
  return leader;
}

function crowd(node: RaftNode<Uint8Array, string, string>, size = CROWD): ReturnType<typeof outcomeOf>[] {
  return Array.from({ length: size }, () => outcomeOf(node.propose(bytes("x"))));
}

async function isBusy(promise: Promise<unknown>): Promise<boolean> {
  const outcome = outcomeOf(promise);
  await settle();
  return outcome.error instanceof BusyError;
}

/** Asks for something and gives it up: at once, or after it has begun. */
async function abandon(request: (signal: AbortSignal) => Promise<unknown>, hasBegun: boolean): Promise<void> {
  const controller = new AbortController();
  const outcome = outcomeOf(request(controller.signal));
  if (hasBegun) await settle();
  controller.abort("enough");
  await settle();
  expect(outcome.state).toBe("rejected");
}

interface Day {
  /** Served in time, of those that came while too many came. */
  readonly servedInTime: number;
  readonly longestWaitMs: number;
  /** After the load had fallen: until when others than on any quiet day were refused or late. */
  readonly lastTroubleMs: number;
}

/** A server that does one request in a millisecond; three come in each for 10 s, then one in every other. Callers wait for 500 ms. */
function simulate(isRefused: (backlog: Backlog) => boolean): Day {
  const clock = new ManualClock();
  const backlog = new Backlog(clock, 250);
  const queue: { readonly id: number; readonly atMs: number }[] = [];
  let [id, servedInTime, longestWaitMs, lastTroubleMs] = [0, 0, 0, 0];
  for (let ms = 0; ms < 20_000; ms += 1) {
    const isFlood = ms < 10_000;
    const comes = isFlood ? 3 : ms % 2;
    for (let n = 0; n < comes; n += 1) {
      if (isRefused(backlog)) {
        if (!isFlood) lastTroubleMs = ms - 10_000;
        continue;
      }
      id += 1;
      backlog.enter(id);
      queue.push({ id, atMs: ms });
    }
    clock.advance(1);
    const next = queue.shift();
    if (next === undefined) continue;
    backlog.served(next.id);
    const waitedMs = ms + 1 - next.atMs;
    if (isFlood && waitedMs <= 500) servedInTime += 1;
    if (!isFlood && waitedMs > 50) lastTroubleMs = ms - 10_000;
    longestWaitMs = Math.max(longestWaitMs, waitedMs);
  }
  return { servedInTime, longestWaitMs, lastTroubleMs };
}

test("offered three times what it can do, a server does what it can for callers who still wait, and all is well again at once when the load falls", () => {
  const day = simulate((backlog) => backlog.isTooLong);
  expect(day.servedInTime).toBeGreaterThan(9_900);
  expect(day.longestWaitMs).toBeLessThan(450);
  expect(day.lastTroubleMs).toBeLessThan(500);
});

test("without a bound on the time the same server works for nobody, also long after the load has fallen", () => {
  const day = simulate((backlog) => backlog.size >= 10_000);
  expect(day.servedInTime).toBeLessThan(1_000);
  expect(day.lastTroubleMs).toBeGreaterThan(9_000);
});

test("when so many wait for so long that another one would in vain, it is refused as busy, until some were served", async () => {
  const scripted = await lead();
  const { node, clock } = scripted;
  const waiting = crowd(node);
  await settle();
  clock.pass(MAX_WAIT_MS + 1);
  expect(await isBusy(node.propose(bytes("y")))).toBe(true);
  expect(await isBusy(node.read("all"))).toBe(true);
  // What waits for nobody is not refused.
  expect(await isBusy(node.read("all", { consistency: "stale" }))).toBe(false);
  await scripted.answer();
  await scripted.answer();
  expect(waiting.map(({ state }) => state)).not.toContain("pending");
  expect(await isBusy(node.propose(bytes("y")))).toBe(false);
});

test("for the sake of a few nobody is refused: they wait for a network or a disk, and not for each other", async () => {
  const { node, clock } = await lead();
  crowd(node, CROWD - 1);
  await settle();
  clock.pass(3 * MAX_WAIT_MS);
  expect(await isBusy(node.propose(bytes("y")))).toBe(false);
});

test("a burst is taken on as a whole: how fast it will be served, nobody knows yet", async () => {
  const { node, clock } = await lead();
  crowd(node, 1000);
  await settle();
  clock.pass(MAX_WAIT_MS / 2);
  expect(await isBusy(node.propose(bytes("y")))).toBe(false);
  clock.pass(1);
  // By now some should have been served.
  expect(await isBusy(node.propose(bytes("y")))).toBe(true);
});

test("as many may wait as were served within the time that they may wait", () => {
  const clock = new ManualClock();
  const backlog = new Backlog(clock, 800);
  for (let id = 0; id < 300; id += 1) backlog.enter(id);
  clock.advance(500);
  expect(backlog.isTooLong).toBe(true);
  for (let id = 0; id < 150; id += 1) backlog.served(id);
  expect(backlog.isTooLong).toBe(false);
  backlog.enter(300);
  expect(backlog.isTooLong).toBe(true);
  backlog.left(300);
  expect(backlog.isTooLong).toBe(false);
});

test("what was served long ago is no measure", () => {
  const clock = new ManualClock();
  const backlog = new Backlog(clock, 800);
  for (let id = 0; id < 100; id += 1) {
    backlog.enter(id);
    backlog.served(id);
  }
  clock.advance(600);
  for (let id = 100; id < 150; id += 1) backlog.enter(id);
  clock.advance(150);
  expect(backlog.isTooLong).toBe(false);
  // Old enough to ask, and the hundred are just forgotten.
  clock.advance(300);
  expect(backlog.isTooLong).toBe(true);
});

test("a command in the log counts also when nobody waits for it any more; a read, and a command that never got there, do not", async () => {
  const scripted = await lead();
  const { node, clock } = scripted;
  for (let n = 0; n < CROWD; n += 1) {
    await abandon((signal) => node.read("all", { signal }), true);
    await abandon((signal) => node.propose(bytes("x"), { signal }), false);
  }
  clock.pass(MAX_WAIT_MS + 1);
  expect(await isBusy(node.propose(bytes("y")))).toBe(false);
  await scripted.answer();
  for (let n = 0; n < CROWD; n += 1) await abandon((signal) => node.propose(bytes("x"), { signal }), true);
  clock.pass(MAX_WAIT_MS + 1);
  expect(await isBusy(node.propose(bytes("y")))).toBe(true);
  await scripted.answer();
  expect(await isBusy(node.propose(bytes("y")))).toBe(false);
});

test("how long the state machine takes for its answers is no reason to refuse others", async () => {
  const scripted = await lead();
  const { node, clock, journal } = scripted;
  const gate = new Gate();
  gate.close();
  journal.onQuery = gate.pass;
  const reads = Array.from({ length: CROWD }, () => outcomeOf(node.read("all")));
  await scripted.answer();
  await scripted.answer();
  clock.pass(MAX_WAIT_MS + 1);
  expect(await isBusy(node.propose(bytes("y")))).toBe(false);
  expect(reads.map(({ state }) => state)).not.toContain("resolved");
  gate.open();
  await settle();
  expect(reads.map(({ state }) => state)).not.toContain("pending");
});

test("maxWaitMs is a quarter of the election timeout, unless it is given; and it must be a time", async () => {
  leader = await startLeader({ electionTimeoutMs: 2000 });
  const { node, clock } = leader;
  crowd(node);
  await settle();
  // Old, and yet nobody has been waiting for half a second.
  clock.pass(200);
  expect(await isBusy(node.propose(bytes("y")))).toBe(false);
  clock.pass(301);
  expect(await isBusy(node.propose(bytes("y")))).toBe(true);
  await expect(startLeader({ maxWaitMs: 0 })).rejects.toThrow("maxWaitMs: 0 must be a number, at least 1");
});
