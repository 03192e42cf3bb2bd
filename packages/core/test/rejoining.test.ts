import type { NodeId } from "@eraft/core";
import { expect, test } from "vitest";
import { Cluster, TIMING } from "./harness/cluster.ts";
import { textOfMembers } from "./harness/members.ts";
import { conflict, success } from "./harness/messages.ts";
import { Solo } from "./harness/solo.ts";

// A voter comes back under its old id with another disk. It has forgotten for whom it voted, and what it had confirmed. The leader makes it a learner, by a
// joint configuration in which its consent is worth nothing, and a voter again once it has caught up.

const { electionTimeoutTicksMin: TIMEOUT, heartbeatTicks: HEARTBEAT } = TIMING;

/** A leader in term 2 of the members in its first entry, which is committed, as is the one that opens its term. */
function leaderOf(members: string, config = {}): Solo {
  const leader = new Solo({ log: [1], members: { 1: members }, config }).lead();
  hear(leader, 1, 2);
  leader.outcomes = [];
  return leader;
}

/** `peers` hold everything. */
function hear(leader: Solo, ...peers: readonly NodeId[]): void {
  for (const from of peers)
    leader.receive(success(leader.state.lastLogIndex, { term: 2, from, sequence: 1_000_000 }));
}

function identify(leader: Solo, peer: NodeId, incarnation: string): void {
  leader.step({ type: "identified", peer, incarnation });
  leader.tick();
}

function membersOf({ state }: Solo): string {
  return textOfMembers(state.configuration.configuration);
}

test("a voter with another disk gives up its vote, becomes a learner, and a voter again when it has caught up", () => {
  const leader = leaderOf("0 1@one 2@two");
  identify(leader, 2, "new");
  for (let tick = 0; tick < 2 * HEARTBEAT; tick += 1) {
    hear(leader, 1, 2);
    leader.tick();
  }
  expect(leader.configurations.map(({ configuration }) => textOfMembers(configuration))).toEqual([
    "0 1@one 2@new:rejoining",
    "0 1@one 2@new:promotable",
    "0 1@one 2@new:incoming",
    "0 1@one 2@new",
  ]);
});

test("while it rejoins the old voters are still three, and it is not one of the two that are needed", () => {
  const leader = leaderOf("0 1@one 2@two");
  identify(leader, 2, "new");
  const index = leader.state.lastLogIndex;
  leader.receive(success(index, { term: 2, from: 2, sequence: 1_000_001 }));
  expect(leader.state.commitIndex).toBe(index - 1);
  hear(leader, 1);
  expect(leader.state.commitIndex).toBe(index);
});

test("a disk that is named for the first time, or again, costs nobody a vote", () => {
  const leader = leaderOf("0 1 2@two");
  const confirmed = leader.state.lastLogIndex;
  identify(leader, 1, "one");
  expect(membersOf(leader)).toBe("0 1@one 2@two");
  // What the server had confirmed before it was named it still holds.
  expect(leader.state.peers.get(1)).toMatchObject({ matchIndex: confirmed });
  hear(leader, 1, 2);
  const { index } = leader.state.configuration;
  identify(leader, 2, "two");
  expect(leader.state.configuration.index).toBe(index);
});

test("what the old disk had confirmed is forgotten, and what it confirms late is not believed", () => {
  const leader = leaderOf("0 1@one 2@two");
  leader.tick(HEARTBEAT);
  const { sequence } = leader.lastAppend(2);
  const before = leader.state.lastLogIndex;
  expect(leader.state.peers.get(2)).toMatchObject({ matchIndex: before });
  identify(leader, 2, "new");
  expect(leader.state.peers.get(2)).toMatchObject({ matchIndex: 0 });
  leader.receive(success(before, { term: 2, from: 2, sequence }));
  expect(leader.state.peers.get(2)).toMatchObject({ matchIndex: 0 });
  // Nor is it an alarm that the log is gone: that is known.
  leader.tick(HEARTBEAT);
  leader.receive(conflict(1, -1, { term: 2, from: 2, sequence: leader.lastAppend(2).sequence }));
  expect(leader.alerts).toEqual([]);
});

test("it waits until no other change is under way", () => {
  const leader = leaderOf("0 1@one 2@two");
  leader.change([{ type: "setAddress", id: 1, address: "elsewhere" }], null, 7);
  identify(leader, 2, "new");
  expect(membersOf(leader)).toBe("0 1@one 2@two");
  hear(leader, 1);
  expect(leader.outcomes).toMatchObject([{ type: "changed", id: 7 }]);
  expect(membersOf(leader)).toBe("0 1@one 2@new:rejoining");
  // And others wait for it.
  leader.change([{ type: "setAddress", id: 1, address: "back" }], null, 8);
  expect(leader.outcomes.slice(1)).toEqual([{ type: "changePending", id: 8 }]);
});

test.each([
  ["one of two", "0@zero 1@one", [1]],
  ["two of three", "0@zero 1@one 2@two", [1, 2]],
])(
  "if no majority of old disks would be left, %s, nothing is changed: nobody could agree to it",
  (_what, members, lost) => {
    const leader = leaderOf(members);
    for (const peer of lost) leader.step({ type: "identified", peer, incarnation: "new" });
    leader.tick();
    const joined = leader.state.configuration.configuration.members.filter(
      ({ standing }) => standing === "rejoining",
    );
    expect(joined.length).toBe(lost.length - 1);
  },
);

test("a leader names its own disk", () => {
  const leader = leaderOf("0 1@one 2@two", { incarnation: "zero" });
  leader.tick();
  expect(membersOf(leader)).toBe("0@zero 1@one 2@two");
});

test("a stranger's disk is nobody's business", () => {
  const leader = leaderOf("0 1@one 2@two");
  identify(leader, 9, "nine");
  expect(leader.state.configuration.index).toBe(1);
});

test("a server that does not lead does nothing about it", () => {
  const server = new Solo({ log: [1], members: { 1: "0 1@one 2@two" } });
  identify(server, 2, "new");
  expect(membersOf(server)).toBe("0 1@one 2@two");
});

test("what was committed with the lost disk's consent survives, and the server has it again", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  for (const id of cluster.ids) cluster.identify(0, id, `disk-${id}`);
  cluster.run(HEARTBEAT);
  // Committed by 0 and 2; server 1 is away.
  const away = cluster.isolate(1);
  const write = cluster.propose(0, "a");
  cluster.settle();
  expect(cluster.outcome(write)).toBe("committed");
  cluster.crash(2);
  cluster.wipe(2);
  // The leader hears of it while server 1 is still away: nothing can be agreed upon.
  const silent = cluster.isolate(2);
  cluster.identify(0, 2, "new-disk");
  cluster.run(1);
  cluster.restart(2);
  silent();
  cluster.run(HEARTBEAT, [0, 2]);
  expect(cluster.members(0)).toBe("0@disk-0 1@disk-1 2@new-disk:rejoining");
  expect(cluster.state(0).commitIndex).toBeLessThan(cluster.state(0).lastLogIndex);
  away();
  cluster.run(TIMEOUT);
  expect(cluster.members(0)).toBe("0@disk-0 1@disk-1 2@new-disk");
  expect(cluster.applied(2)).toEqual(["a"]);
});

test("the first configuration is written when every member has named its disk: one that cannot, a Go node, could not read it", () => {
  const leader = new Solo({ config: { incarnation: "a" } }).lead();
  leader.receive(success(1, { term: 1, sequence: leader.lastAppend().sequence }));
  leader.step({ type: "identified", peer: 1, incarnation: "b" });
  leader.tick(HEARTBEAT);
  expect(leader.state.configuration.index).toBe(0);
  leader.step({ type: "identified", peer: 2, incarnation: "c" });
  leader.tick();
  expect(leader.state.configuration).toMatchObject({
    index: 2,
    configuration: { members: ["a", "b", "c"].map((incarnation) => ({ incarnation, standing: "voter" })) },
  });
});
