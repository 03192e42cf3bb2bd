import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BusyError, StoppedError, TimeoutError } from "@eraft/runtime";
import { Cluster, type Member } from "./support/cluster.ts";
import { failureOf } from "./support/failure.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";

let cluster: Cluster;
let members: Member[];

beforeEach(async () => {
  cluster = await Cluster.start(3);
  members = [...cluster.members];
});
afterEach(() => cluster.stop());

/** Whether `promise` has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const mark = (): void => void (settled = true);
  promise.then(mark, mark);
  await settle();
  return settled;
}

/** Two of three are gone: nothing is decided any more. */
async function cutOff({ node: kept }: Member): Promise<void> {
  for (const { node } of members) if (node !== kept) await cluster.await(node.stop());
}

describe("waitForLeader", () => {
  test("ends with who leads and where, on leaders and followers", async () => {
    const waits = members.map(({ node }) => node.waitForLeader());
    expect(await isSettled(Promise.race(waits))).toBe(false);
    const leader = await cluster.leader();
    const { id } = leader.node;
    const hint = { leaderId: id, leaderAddress: `host-${id}:1` };
    expect(await Promise.all(waits)).toEqual([hint, hint, hint]);
  });

  test("ends at once where a leader is known, and waits again where it is gone", async () => {
    const leader = await cluster.leader();
    expect(await leader.node.waitForLeader({ timeoutMs: 0 })).toMatchObject({ leaderId: leader.node.id });
    const [follower] = await cluster.followers();
    if (follower === undefined) throw new Error("There are two.");
    await cutOff(follower);
    await cluster.until(() => follower.node.status().leaderId === null, "the leader is not missed");
    expect(await isSettled(follower.node.waitForLeader())).toBe(false);
  });

  test("ends with another one where the leader that is known is not wanted", async () => {
    const leader = await cluster.leader();
    const [follower] = await cluster.followers();
    if (follower === undefined) throw new Error("There are two.");
    const { id } = leader.node;
    await cluster.until(() => follower.node.status().leaderId === id, "the leader is not known");
    expect(await isSettled(follower.node.waitForLeader({ except: null }))).toBe(true);
    const other = follower.node.waitForLeader({ except: id });
    expect(await isSettled(other)).toBe(false);
    await cluster.await(leader.node.stop());
    await cluster.until(() => follower.node.status().leaderId !== id, "the leader is not missed");
    const { leaderId } = await cluster.await(other);
    expect(members.map(({ node }) => node.id).filter((one) => one !== id)).toContain(leaderId);
  });

  test("needs nothing to happen, and leaves nothing behind, where what it waits for is there", async () => {
    const { node } = await cluster.leader();
    await settle();
    const timers = cluster.clock.pendingTimers;
    const waits = [node.waitForLeader({ timeoutMs: 5000 }), node.waitForApplied(0, { timeoutMs: 5000 })];
    const ended = await Promise.all(waits.map((wait) => isSettled(wait)));
    expect(ended).toEqual([true, true]);
    expect(cluster.clock.pendingTimers).toBe(timers);
  });

  test("may begin before the start", async () => {
    const [first] = members;
    await cluster.await(first?.node.stop() ?? Promise.resolve());
    const early = cluster.make(0);
    const wait = early.node.waitForLeader();
    expect(await isSettled(wait)).toBe(false);
    await early.node.start();
    const { leaderId } = await cluster.await(wait);
    expect(leaderId).toBe(early.node.status().leaderId);
  });
});

describe("waitForApplied", () => {
  test("ends when the state reflects the index, not before", async () => {
    const { node } = await cluster.leader();
    const [follower] = await cluster.followers();
    await cluster.await(node.propose(bytes("a")));
    const { lastApplied } = node.status();
    const wait = follower?.node.waitForApplied(lastApplied + 2) ?? Promise.resolve(0);
    await cluster.await(node.propose(bytes("b")));
    await cluster.run(500);
    expect(await isSettled(wait)).toBe(false);
    await cluster.await(node.propose(bytes("c")));
    expect(await cluster.await(wait)).toBe(lastApplied + 2);
    expect(follower?.journal.lines).toHaveLength(3);
  });

  test("ends when a snapshot from the leader reflects the index", async () => {
    await cluster.stop();
    cluster = await Cluster.start(3, { snapshotBytes: 20, retainedBytes: 0 });
    const { node } = await cluster.leader();
    const [follower] = await cluster.followers();
    if (follower === undefined) throw new Error("There are two.");
    const { id } = follower.node;
    await cluster.await(follower.node.stop());
    for (let count = 0; count < 20; count++) await cluster.await(node.propose(bytes("some text")));
    const { snapshotIndex } = node.status();
    expect(snapshotIndex).toBeGreaterThan(10);
    const late = cluster.make(id);
    const wait = late.node.waitForApplied(snapshotIndex);
    await late.node.start();
    expect(await cluster.await(wait)).toBeGreaterThanOrEqual(snapshotIndex);
    expect(late.journal.restores).toBe(1);
  });

  test("an index that is none is refused", async () => {
    const { node } = await cluster.leader();
    await expect(node.waitForApplied(1.5)).rejects.toThrow("1.5 is not a log index");
  });
});

describe("waitForCaughtUp", () => {
  test("ends when a follower reflects what was acknowledged before", async () => {
    const { node } = await cluster.leader();
    const [follower] = await cluster.followers();
    if (follower === undefined) throw new Error("There are two.");
    await cluster.await(node.propose(bytes("a")));
    const acknowledged = node.status().lastApplied;
    expect(await cluster.await(follower.node.waitForCaughtUp())).toBeGreaterThanOrEqual(acknowledged);
    expect(follower.journal.lines).toHaveLength(1);
  });

  test("begins before there is a leader, and goes on until one is there", async () => {
    const wait = members[0]?.node.waitForCaughtUp() ?? Promise.resolve(0);
    expect(await isSettled(wait)).toBe(false);
    expect(await cluster.await(wait)).toBeGreaterThan(0);
  });

  test("does not end without a majority, however much this server has", async () => {
    const leader = await cluster.leader();
    await cluster.await(leader.node.propose(bytes("a")));
    await cutOff(leader);
    const wait = leader.node.waitForCaughtUp({ timeoutMs: 5000 });
    const failure = failureOf(wait);
    await cluster.run(4900);
    expect(await isSettled(wait)).toBe(false);
    await cluster.run(200);
    expect(await failure).toBeInstanceOf(TimeoutError);
  });
});

const begin = (member: Member, options: object): Promise<unknown>[] => [
  member.node.waitForLeader(options),
  member.node.waitForApplied(99, options),
  member.node.waitForCaughtUp(options),
];

describe("a wait", () => {
  test("ends with the signal, with the time, and leaves no timer behind", async () => {
    const [member] = members;
    if (member === undefined) throw new Error("There are three.");
    const { pendingTimers } = cluster.clock;
    const controller = new AbortController();
    const aborted = begin(member, { signal: controller.signal }).map(failureOf);
    await settle();
    controller.abort(new Error("enough"));
    expect(await Promise.all(aborted)).toEqual(Array.from({ length: 3 }, () => new Error("enough")));
    const late = begin(member, { timeoutMs: 10 }).map(failureOf);
    await settle();
    cluster.clock.advance(10);
    for (const failure of await Promise.all(late)) expect(failure).toBeInstanceOf(TimeoutError);
    await settle();
    expect(cluster.clock.pendingTimers).toBe(pendingTimers);
  });

  test("ends when the node is stopped, and none begins after that", async () => {
    const [member] = members;
    if (member === undefined) throw new Error("There are three.");
    const waits = begin(member, {}).map(failureOf);
    await settle();
    await cluster.await(member.node.stop());
    for (const failure of await Promise.all(waits)) expect(failure).toBeInstanceOf(StoppedError);
    for (const wait of begin(member, {})) await expect(wait).rejects.toThrow(StoppedError);
  });

  test("ends with the node's failure", async () => {
    const { node, journal } = await cluster.leader();
    const wait = failureOf(node.waitForApplied(99));
    journal.onApply = () => {
      throw new Error("broken");
    };
    const write = failureOf(node.propose(bytes("a")));
    await cluster.await(write);
    expect(await wait).toBe(node.status().failure);
  });

  test("more than maxPendingRequests are refused as busy", async () => {
    const member = cluster.make(3, undefined, { peers: new Map(), maxPendingRequests: 2 });
    const waits = [member.node.waitForApplied(9), member.node.waitForLeader()].map(failureOf);
    await expect(member.node.waitForLeader()).rejects.toThrow(BusyError);
    await cluster.await(member.node.stop());
    await Promise.all(waits);
  });
});
