import type { InstallSnapshot } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { BusyError, InvalidCommandError } from "@eraft/runtime";
import { Cluster } from "./support/cluster.ts";
import { startFollower } from "./support/follower.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";

// Whatever waits has a bound in number and in bytes: a server that is asked for more says so, instead of running out of memory.

let cluster: Cluster;
const gate = new Gate();
afterEach(async () => {
  gate.open();
  await cluster.stop();
});

test("commands that wait are bounded in bytes: more are refused as busy, and there is room again when some are answered", async () => {
  cluster = await Cluster.start(1, { maxPendingBytes: 100, maxCommandBytes: 60 });
  const { node, storage } = await cluster.leader();
  gate.close();
  storage.before = gate.pass;
  const accepted = [node.propose(new Uint8Array(60)), node.propose(new Uint8Array(40))];
  expect(node.status().pendingBytes).toBe(100);
  const refused = await node.propose(new Uint8Array(1)).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(BusyError);
  // A read needs no room.
  const read = node.read("all");
  gate.open();
  await Promise.all([...accepted, read]);
  expect(node.status()).toMatchObject({ pendingBytes: 0, pendingRequests: 0 });
  await node.propose(new Uint8Array(60));
});

test("room that an aborted or refused command had is there again", async () => {
  cluster = await Cluster.start(3, { maxPendingBytes: 100, maxCommandBytes: 100 });
  const [follower] = await cluster.followers();
  const node = follower?.node ?? cluster.member(0).node;
  for (let n = 0; n < 3; n += 1) {
    await expect(node.propose(new Uint8Array(100))).rejects.toMatchObject({ code: "NOT_LEADER" });
    const controller = new AbortController();
    const aborted = node.propose(new Uint8Array(100), { signal: controller.signal });
    controller.abort("enough");
    await expect(aborted).rejects.toBe("enough");
  }
  expect(node.status().pendingBytes).toBe(0);
});

test("a command that could never be sent is refused with its size and the limit", async () => {
  cluster = await Cluster.start(1, { maxCommandBytes: 1000 });
  const { node } = await cluster.leader();
  const error = await node.propose(new Uint8Array(1001)).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(InvalidCommandError);
  expect(error).toMatchObject({ retry: "never", message: expect.stringMatching(/1001 bytes.*\(1000\)/) });
});

test("maxPendingBytes must let the largest command through", async () => {
  cluster = await Cluster.start(1);
  expect(() => cluster.make(1, undefined, { maxPendingBytes: 10, maxCommandBytes: 11 })).toThrow(
    "maxPendingBytes: 10 must be a number, at least maxCommandBytes (11)",
  );
});

test("queries that nobody waits for any more are bounded too, as long as the state machine works on them", async () => {
  cluster = await Cluster.start(1, { maxPendingRequests: 3 });
  const { node, journal } = await cluster.leader();
  await node.propose(bytes("a"));
  gate.close();
  const before = gate.arrivals;
  journal.onQuery = gate.pass;
  for (let n = 0; n < 3; n += 1) {
    const controller = new AbortController();
    const abandoned = outcomeOf(node.read("all", { consistency: "stale", signal: controller.signal }));
    await settle();
    controller.abort("enough");
    await settle();
    expect(abandoned.error).toBe("enough");
  }
  expect(node.status().pendingRequests).toBe(0);
  await expect(node.read("all", { consistency: "stale" })).rejects.toBeInstanceOf(BusyError);
  expect(gate.arrivals - before).toBe(3);
  gate.open();
  await settle();
  expect(await node.read("all", { consistency: "stale" })).toBe("2:a");
});

test("snapshots that wait for their turn are bounded", async () => {
  cluster = await Cluster.start(1);
  const { node, receiver } = await startFollower();
  gate.close();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    await gate.pass();
    yield bytes("a\n");
  }
  const header = { type: "installSnapshot", from: 1, to: 0, term: 1, lastIncludedTerm: 1 } as const;
  const send = (sequence: number) => {
    const snapshot: InstallSnapshot = { ...header, sequence, lastIncludedIndex: 5 };
    return outcomeOf(receiver.receiveSnapshot(snapshot, chunks()));
  };
  const first = send(2);
  await settle();
  const waiting = Array.from({ length: 8 }, (_, n) => send(3 + n));
  const refused = send(99);
  await settle();
  expect([first, ...waiting].map(({ state }) => state)).not.toContain("rejected");
  expect(refused).toMatchObject({ state: "rejected", error: { message: "8 snapshots are waiting already" } });
  gate.open();
  await settle();
  expect([first, ...waiting].map(({ state }) => state)).not.toContain("pending");
  expect(send(100).state).toBe("pending");
  await node.stop();
});
