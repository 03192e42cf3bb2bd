import { afterEach, beforeEach, expect, test } from "vitest";
import { OutcomeUnknownError, TimeoutError } from "@eraft/runtime";
import { Cluster, type Member } from "./support/cluster.ts";
import { failureOf } from "./support/failure.ts";
import { settle } from "./support/manual-clock.ts";
import { bytes } from "./support/journal.ts";

let cluster: Cluster;
let leader: Member;

beforeEach(async () => {
  cluster = await Cluster.start(3);
  leader = await cluster.leader();
});
afterEach(() => cluster.stop());

/** The others are gone: nothing is committed any more. */
async function cutOff(): Promise<void> {
  for (const { node } of await cluster.followers()) await cluster.await(node.stop());
}

test("timeoutMs ends a write's wait, which may be done; a read, which is not, and says so", async () => {
  await cutOff();
  const write = leader.node.propose(bytes("a"), { timeoutMs: 100 });
  const read = leader.node.read("all", { timeoutMs: 100 });
  const change = leader.node.removeMember(1, { timeoutMs: 100 });
  const failures = [write, read, change].map(failureOf);
  await settle();
  cluster.clock.advance(99);
  await settle();
  expect(leader.node.status().pendingRequests).toBe(3);
  cluster.clock.advance(1);
  const [ofWrite, ofRead, ofChange] = await Promise.all(failures);
  expect(ofWrite).toBeInstanceOf(OutcomeUnknownError);
  expect(ofWrite).toMatchObject({ cause: { code: "TIMEOUT", retry: "later", timeoutMs: 100 } });
  expect(ofRead).toBeInstanceOf(TimeoutError);
  expect(ofChange).toMatchObject({ code: "OUTCOME_UNKNOWN", cause: { code: "TIMEOUT" } });
});

test("there is no timer where none is asked for, and none is left behind", async () => {
  await cluster.await(leader.node.propose(bytes("a")));
  const { pendingTimers } = cluster.clock;
  const plain = leader.node.read("all", { consistency: "stale" });
  expect(cluster.clock.pendingTimers).toBe(pendingTimers);
  const limited = leader.node.read("all", { consistency: "stale", timeoutMs: 100 });
  expect(cluster.clock.pendingTimers).toBe(pendingTimers + 1);
  await plain;
  await limited;
  expect(cluster.clock.pendingTimers).toBe(pendingTimers);
});

test("with a signal, too, whichever comes first counts", async () => {
  await cutOff();
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = leader.node.read("all", { signal, timeoutMs: 100 });
  const failure = failureOf(aborted);
  controller.abort(new Error("enough"));
  expect(await failure).toEqual(new Error("enough"));
  await expect(leader.node.read("all", { signal, timeoutMs: 100 })).rejects.toThrow("enough");
  const timedOut = leader.node.read("all", { signal: new AbortController().signal, timeoutMs: 100 });
  const late = failureOf(timedOut);
  await settle();
  cluster.clock.advance(100);
  expect(await late).toBeInstanceOf(TimeoutError);
});

test.each([-1, Number.NaN])("a timeout of %d ms is none, and nothing is done", async (timeoutMs) => {
  await expect(leader.node.propose(bytes("a"), { timeoutMs })).rejects.toThrow(`timeoutMs is ${timeoutMs}`);
  expect(leader.node.status().pendingRequests).toBe(0);
});

test("a timeout longer than any timer is no limit", async () => {
  const { pendingTimers } = cluster.clock;
  const write = leader.node.propose(bytes("a"), { timeoutMs: Number.POSITIVE_INFINITY });
  expect(cluster.clock.pendingTimers).toBe(pendingTimers);
  await cluster.await(write);
});
