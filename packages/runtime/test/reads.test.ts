import type { InstallSnapshot } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { InvalidOptionError } from "@eraft/runtime";
import { Cluster } from "./support/cluster.ts";
import { startFollower } from "./support/follower.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { type ScriptedLeader, startLeader } from "./support/leader.ts";
import { settle } from "./support/manual-clock.ts";

let cluster: Cluster | undefined;
let leader: ScriptedLeader | undefined;
afterEach(async () => {
  await cluster?.stop();
  await leader?.node.stop();
  cluster = undefined;
  leader = undefined;
});

const HEADER: InstallSnapshot = {
  type: "installSnapshot",
  from: 1,
  to: 0,
  term: 1,
  sequence: 3,
  lastIncludedIndex: 5,
  lastIncludedTerm: 1,
};

async function* newState(): AsyncGenerator<Uint8Array> {
  yield bytes("new\n");
}

// --- stale

test("a stale read is answered at once, by any server that runs, whether or not it can reach anybody", async () => {
  cluster = await Cluster.start(3);
  const first = await cluster.leader();
  await cluster.await(first.node.propose(bytes("a")));
  await cluster.run(300);
  for (const { node } of cluster.members) {
    for (const other of cluster.members) if (other.node !== node) cluster.network.cut(node.id, other.node.id);
  }
  await cluster.run(5000);
  expect(cluster.leaders()).toEqual([]);
  const before = cluster.clock.now();
  for (const { node } of cluster.members) {
    expect(await node.read("all", { consistency: "stale" })).toBe("2:a");
    await expect(node.read("all")).rejects.toMatchObject({ code: "NOT_LEADER" });
  }
  expect(cluster.clock.now()).toBe(before);
});

test("a stale read of a server that has not started, or has stopped, is none", async () => {
  cluster = await Cluster.start(1);
  const { node } = cluster.make(0);
  await expect(node.read("all", { consistency: "stale" })).rejects.toMatchObject({ code: "NOT_STARTED" });
  await node.stop();
  await expect(node.read("all", { consistency: "stale" })).rejects.toMatchObject({ code: "STOPPED" });
});

test("no read sees half of a state that is being replaced, whenever it comes", async () => {
  const { node, journal, receiver, transport } = await startFollower();
  transport.deliver({
    type: "appendEntries",
    from: 1,
    to: 0,
    term: 1,
    sequence: 2,
    prevLogIndex: 0,
    prevLogTerm: 0,
    entries: [{ index: 1, term: 1, command: bytes("old") }],
    leaderCommit: 1,
  });
  await settle();
  const gate = new Gate();
  gate.close();
  // A state machine that is replaced piece by piece.
  const whole = journal.restore.bind(journal);
  journal.restore = async (chunks) => {
    journal.lines = ["half"];
    await gate.pass();
    await whole(chunks);
  };
  const received = receiver.receiveSnapshot(HEADER, newState());
  await settle();
  expect(gate.arrivals).toBe(1);
  const reads = [
    outcomeOf(node.read("all", { consistency: "stale" })),
    outcomeOf(node.read("all", { consistency: "stale" })),
  ];
  const gone = new AbortController();
  const aborted = node.read("all", { consistency: "stale", signal: gone.signal });
  gone.abort("enough");
  await expect(aborted).rejects.toBe("enough");
  const value = node.read("all", { consistency: "stale" });
  await settle();
  expect(reads.map(({ state }) => state)).toEqual(["pending", "pending"]);
  gate.open();
  await received;
  expect(await value).toBe("new");
  await settle();
  expect(reads.map(({ state }) => state)).toEqual(["fulfilled", "fulfilled"]);
  await node.stop();
});

test("reads that wait while the state is replaced end when that fails", async () => {
  const { node, journal, receiver } = await startFollower();
  const gate = new Gate();
  gate.close();
  journal.onRestore = async () => {
    await gate.pass();
    throw new Error("not my format");
  };
  const received = outcomeOf(receiver.receiveSnapshot(HEADER, newState()));
  await settle();
  const read = outcomeOf(node.read("all", { consistency: "stale" }));
  gate.open();
  await settle();
  expect(received.state).toBe("rejected");
  expect(read.error).toMatchObject({ code: "STATE_MACHINE_FAILED" });
  await node.stop();
});

// --- lease

const lease = { leaseReads: { maxClockDrift: 0.05 } };
/** An election timeout of 1000 ms, three ticks of 25 ms less for how ticks are counted, 5 % less for the clocks. */
const LEASE_MS = (1000 - 75) * 0.95;

function appendsOf({ transport }: ScriptedLeader): number {
  return transport.sent.filter(({ type }) => type === "appendEntries").length;
}

test("a lease read asks nobody while the leader has a lease; a linearizable one always does", async () => {
  leader = await startLeader(lease);
  const { node } = leader;
  const before = appendsOf(leader);
  expect(await node.read("all", { consistency: "lease" })).toBe("");
  expect(appendsOf(leader)).toBe(before);
  const asking = node.read("all");
  await leader.answer();
  expect(await asking).toBe("");
  expect(appendsOf(leader)).toBe(before + 2);
});

test("the lease ends before anybody can be elected, whoever's clock runs faster: then the read asks again", async () => {
  leader = await startLeader(lease);
  const { node, clock } = leader;
  // What everybody has answered was sent at this time, or earlier. Nobody answers from here on.
  const sentMs = clock.now();
  while (clock.now() + 25 < sentMs + LEASE_MS) {
    clock.advance(25);
    await settle();
  }
  expect(await node.read("all", { consistency: "lease" })).toBe("");
  clock.advance(25);
  await settle();
  const read = outcomeOf(node.read("all", { consistency: "lease" }));
  await settle();
  expect(read.state).toBe("pending");
  await leader.answer();
  expect(read.state).toBe("fulfilled");
});

test("a leader that stood still does not take the lease of the time before for one of now", async () => {
  leader = await startLeader(lease);
  const { node, clock } = leader;
  clock.stall(10_000);
  const read = outcomeOf(node.read("all", { consistency: "lease" }));
  await settle();
  expect(read.state).toBe("pending");
  // In the meantime another server was elected. The answer to what is asked now says so.
  const asked = leader.transport.sent.findLast(({ type }) => type === "appendEntries");
  leader.transport.deliver({
    type: "appendEntriesResponse",
    from: 1,
    to: 0,
    term: 9,
    sequence: asked?.sequence ?? 0,
    success: false,
    matchIndex: 0,
    conflictIndex: 0,
    conflictTerm: 0,
  });
  await settle();
  expect(read.error).toMatchObject({ code: "NOT_LEADER" });
});

test("without the option a lease read is a linearizable one", async () => {
  leader = await startLeader();
  const { node } = leader;
  const before = appendsOf(leader);
  const read = node.read("all", { consistency: "lease" });
  await leader.answer();
  expect(await read).toBe("");
  expect(appendsOf(leader)).toBe(before + 2);
});

test("on a follower a lease read is a linearizable one, which the leader answers for it", async () => {
  cluster = await Cluster.start(3, lease);
  const first = await cluster.leader();
  const line = await cluster.await(first.node.propose(bytes("a")));
  for (const { node } of await cluster.followers()) {
    expect(await cluster.await(node.read("all", { consistency: "lease" }))).toBe(line);
  }
});

test.for([Number.NaN, -0.1, 1, 5])("a clock drift of %d cannot be", async (maxClockDrift) => {
  await expect(startLeader({ leaseReads: { maxClockDrift } })).rejects.toThrow(InvalidOptionError);
});

test("leases need pre-votes, and say so", async () => {
  await expect(startLeader({ ...lease, preVote: false })).rejects.toThrow("preVote");
});
