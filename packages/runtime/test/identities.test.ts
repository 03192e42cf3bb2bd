import type { PeerIdentity } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { type ScriptedLeader, startLeader } from "./support/leader.ts";
import { settle } from "./support/manual-clock.ts";
import { heartbeat } from "./support/scripted-transport.ts";

// Server 0 leads, the test plays servers 1 and 2, and whoever comes by.

const own: PeerIdentity = { clusterId: "c", incarnation: "disk 0", starts: 1 };
const disk = (incarnation: string, starts = 1): PeerIdentity => ({ clusterId: "c", incarnation, starts });
const ELECTION_TIMEOUT_MS = 1000;

let leader: ScriptedLeader;
afterEach(() => leader.node.stop());

const identify = (peer: number, identity: PeerIdentity) =>
  leader.transport.receiver?.identify?.(peer, identity) ?? null;

const namesOf = (): (string | null)[] =>
  leader.node.membership().members.map(({ incarnation }) => incarnation);

/** Time goes by, in which both followers answer all they are sent, or only those that are named. */
async function run(ms: number, ...answering: number[]): Promise<void> {
  const ids = answering.length === 0 ? [1, 2] : answering;
  for (let passedMs = 0; passedMs < ms; passedMs += 25) {
    leader.clock.advance(25);
    await leader.answer(...ids);
  }
}

async function start(): Promise<void> {
  leader = await startLeader({ identity: own });
  await run(100);
  for (const id of [1, 2]) expect(identify(id, disk(`disk ${id}`))).toBeNull();
  await run(500);
  expect(namesOf()).toEqual(["disk 0", "disk 1", "disk 2"]);
}

test("two servers under one id: the one that is known stays, however often the other one tries", async () => {
  await start();
  for (let tries = 0; tries < 20; tries += 1) {
    expect(identify(1, disk("impostor"))).toBe("otherDisk");
    await run(250);
  }
  expect(namesOf()).toEqual(["disk 0", "disk 1", "disk 2"]);
  expect(identify(1, disk("disk 1"))).toBeNull();
});

test("a disk that has been silent for an election timeout gives way to the one that has come", async () => {
  await start();
  // It was last heard when it answered the last heartbeat.
  await run(ELECTION_TIMEOUT_MS - 200, 2);
  expect(identify(1, disk("new"))).toBe("otherDisk");
  await run(25, 2);
  expect(namesOf()[1]).toBe("disk 1");
  await run(200, 2);
  expect(identify(1, disk("new"))).toBe("otherDisk");
  await run(25, 2);
  expect(namesOf()[1]).toBe("new");
  expect(identify(1, disk("new"))).toBeNull();
});

test("a leader that is new has not listened for long enough to say who is silent", async () => {
  await start();
  const { term } = leader.node.status();
  leader.transport.deliver({
    type: "appendEntriesResponse",
    from: 2,
    to: 0,
    term: term + 1,
    sequence: 1,
    success: false,
    matchIndex: 0,
    conflictIndex: 0,
    conflictTerm: 0,
  });
  await settle();
  expect(leader.node.status().role).toBe("follower");
  // While this server is elected anew, it hears nothing of server 1, who has no reason to speak to it.
  for (let ticks = 0; leader.node.status().role !== "leader" && ticks < 200; ticks += 1) await run(25, 2);
  expect(leader.node.status()).toMatchObject({ role: "leader" });
  expect(identify(1, disk("impostor"))).toBe("otherDisk");
  await run(200);
  expect(namesOf()[1]).toBe("disk 1");
});

test("what was let in under a name does not count any more when the configuration has another one", async () => {
  await start();
  await run(ELECTION_TIMEOUT_MS + 100, 2);
  expect(identify(1, disk("new"))).toBe("otherDisk");
  await run(100, 2);
  expect(namesOf()[1]).toBe("new");
  // The old connection lives on, and says what only the old disk can.
  await run(ELECTION_TIMEOUT_MS / 2);
  expect(leader.node.status().peers).toMatchObject([{ id: 1, lastContactMs: null }, { id: 2 }]);
  expect(namesOf()[1]).toBe("new");
});

test("who is identified while another server leads is written down as soon as this one does", async () => {
  leader = await startLeader({ identity: own });
  const { term } = leader.node.status();
  leader.transport.deliver({
    type: "appendEntriesResponse",
    from: 2,
    to: 0,
    term: term + 1,
    sequence: 1,
    success: false,
    matchIndex: 0,
    conflictIndex: 0,
    conflictTerm: 0,
  });
  await settle();
  expect(leader.node.status().role).toBe("follower");
  for (const id of [1, 2]) expect(identify(id, disk(`disk ${id}`))).toBeNull();
  expect(namesOf()).not.toContain("disk 1");
  for (let ticks = 0; leader.node.status().role !== "leader" && ticks < 200; ticks += 1) await run(25);
  await run(500);
  expect(namesOf()).toEqual(["disk 0", "disk 1", "disk 2"]);
});

test("a server that hears of no leader listens to a disk that it does not know, and counts none of its answers", async () => {
  await start();
  const answerOf = (type: "preVoteResponse" | "requestVoteResponse", sequence: number) => {
    const { term } = leader.node.status();
    leader.transport.deliver({ type, from: 1, to: 0, term, sequence, voteGranted: true });
  };
  // It is cut off, gives up its leadership, and after a while asks for votes.
  for (let ticks = 0; leader.node.status().role !== "preCandidate" && ticks < 200; ticks += 1)
    await run(25, 9);
  expect(identify(1, disk("new"))).toBeNull();
  const { term } = leader.node.status();
  const asked = leader.transport.sent.findLast(({ type, to }) => type === "preVote" && to === 1);
  answerOf("preVoteResponse", asked?.sequence ?? 0);
  await settle();
  expect(leader.node.status()).toMatchObject({ role: "preCandidate", term });
  expect(leader.node.status().peers[0]?.lastContactMs).toBeGreaterThan(ELECTION_TIMEOUT_MS);
  // But a leader is a leader, whatever the name of its disk.
  leader.transport.deliver({ ...heartbeat(1, term + 1), prevLogIndex: 99, prevLogTerm: 1 });
  await settle();
  expect(leader.node.status()).toMatchObject({ role: "follower", leaderId: 1, term: term + 1 });
  expect(identify(1, disk("new"))).toBeNull();
  // And of whoever is none, when there is one, nothing is heard.
  expect(identify(2, disk("newer"))).toBe("otherDisk");
});

test("what is seen of a disk tells an older copy; a newer opening, and another server's, do not", async () => {
  await start();
  expect(identify(1, disk("disk 1", 7))).toBeNull();
  expect(identify(1, disk("disk 1", 6))).toBe("olderDisk");
  expect(identify(2, disk("disk 2", 1))).toBeNull();
  expect(identify(1, disk("disk 1", 7))).toBeNull();
  expect(identify(1, disk("disk 1", 8))).toBeNull();
});

test("other clusters are refused, servers that know none yet are not", async () => {
  await start();
  expect(identify(1, { ...disk("disk 1", 2), clusterId: "another" })).toBe("otherCluster");
  expect(identify(9, { ...disk("joiner"), clusterId: null })).toBeNull();
  expect(leader.node.identity).toEqual(own);
});

test("a server without the option takes everybody at their word, and writes nothing down", async () => {
  leader = await startLeader();
  expect(leader.node.identity).toBeNull();
  expect(identify(1, { clusterId: "any", incarnation: "any", starts: 1 })).toBeNull();
  await run(500);
  expect(leader.node.membership().index).toBe(0);
});

test("a server that is joining one cluster is not let into another, before it has the first one stored", async () => {
  const saved = Promise.withResolvers<void>();
  leader = await startLeader({ identity: { ...own, clusterId: null, onClusterId: () => saved.promise } });
  expect(identify(1, disk("disk 1"))).toBeNull();
  expect(identify(2, { ...disk("disk 2"), clusterId: "another" })).toBe("otherCluster");
  saved.resolve();
  await settle();
  expect(leader.node.identity).toEqual(own);
});

test("of servers that are no members only some are remembered, of members all", async () => {
  await start();
  identify(1, disk("disk 1", 5));
  for (let id = 100; id < 1000; id += 1) expect(identify(id, disk(`disk ${id}`, 5))).toBeNull();
  expect(identify(1, disk("disk 1", 4))).toBe("olderDisk");
  expect(identify(999, disk("disk 999", 4))).toBe("olderDisk");
  expect(identify(100, disk("disk 100", 4))).toBeNull();
});
