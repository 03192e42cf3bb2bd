import { afterEach, expect, test } from "vitest";
import { ChangePendingError, ChangeRefusedError, NotLeaderError, OutcomeUnknownError } from "@eraft/runtime";
import { Cluster, type Member } from "./support/cluster.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";
import { outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

const standings = ({ node }: Member): string =>
  node
    .membership()
    .members.map(({ id, standing }) => `${id} ${standing}`)
    .join(", ");

const textsOf = ({ journal }: Member): string => journal.lines.map((line) => line.split(":")[1]).join("");

test("a server that was started with no peers waits, joins, catches up, and votes", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  for (const text of "abc") await cluster.await(leader.node.propose(bytes(text)));
  const joiner = await cluster.join(3);
  await cluster.run(5000);
  expect(joiner.node.status()).toMatchObject({ role: "follower", term: 0, leaderId: null, standing: null });
  expect(joiner.node.membership()).toEqual({ index: 0, members: [], isJoint: false });

  const seen: string[] = [];
  joiner.node.on("membership", () => seen.push(standings(joiner)));
  const membership = await cluster.await(leader.node.addVoter(3, "host-3:1"));
  expect(membership.members.map(({ id, standing }) => [id, standing])).toEqual([
    [0, "voter"],
    [1, "voter"],
    [2, "voter"],
    [3, "voter"],
  ]);
  expect(membership).toMatchObject({ isJoint: false });
  await cluster.run(500);
  expect(joiner.node.membership()).toEqual(membership);
  expect(seen).toContain("0 voter, 1 voter, 2 voter, 3 promotable");
  expect(textsOf(joiner)).toBe("abc");
  expect(joiner.node.status()).toMatchObject({ standing: "voter", isRemoved: false });

  // It votes: without it, two of four would be no majority.
  const [away, ...rest] = await cluster.followers();
  await away?.node.stop();
  await cluster.await(leader.node.propose(bytes("d")));
  expect(rest).toHaveLength(2);
  await cluster.until(() => textsOf(joiner) === "abcd", "the new voter does not go on");
});

test("a server that was added is there after a restart of everybody, whatever the option peers says", async () => {
  cluster = await Cluster.start(1);
  const leader = await cluster.leader();
  await cluster.join(1);
  await cluster.await(leader.node.addVoter(1, "host-1:1"));
  await cluster.await(leader.node.propose(bytes("a")));
  const before = leader.node.membership();
  const lines: string[] = [];
  const logger = { info: (line: string) => void lines.push(line), warn: () => {}, error: () => {} };
  // Server 0 is still told that it is alone, and server 1 that it knows nobody.
  const first = await cluster.restart(0, { logger });
  const second = await cluster.restart(1, { peers: new Map(), logger });
  expect(first.node.membership()).toEqual(before);
  expect(second.node.membership()).toEqual(before);
  expect(lines.filter((line) => line.includes('not those of the option "peers"'))).toHaveLength(1);
  await cluster.leader();
  expect(first.node.status().term).toBe(second.node.status().term);
});

test("addresses come from the configuration: for the transport, for status and for whoever asks the wrong server", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [follower] = await cluster.followers();
  const { id } = leader.node;
  await cluster.await(leader.node.setAddress(id, "moved:7"));
  await cluster.run(500);
  const refused = await follower?.node.propose(bytes("a")).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(NotLeaderError);
  expect(refused).toMatchObject({ leaderId: id, leaderAddress: "moved:7" });
  expect(follower?.node.status()).toMatchObject({ leaderAddress: "moved:7" });
  expect(follower?.node.status().peers.find((peer) => peer.id === id)).toMatchObject({
    address: "moved:7",
    standing: "voter",
  });
});

test("a member of whom nobody has said where it is keeps the address of the option peers", async () => {
  cluster = await Cluster.start(1);
  const leader = await cluster.leader();
  await cluster.await(leader.node.addLearner(7, ""));
  expect(leader.node.membership().members.at(-1)).toMatchObject({ id: 7, address: "" });
  // An operator tells this server, in its options, what nobody has told the cluster.
  const peers = new Map([
    [0, "host-0:1"],
    [7, "host-7:1"],
  ]);
  const next = await cluster.restart(0, { peers });
  expect(next.node.status().peers).toMatchObject([{ id: 7, address: "host-7:1", standing: "learner" }]);
});

test("only the leader changes members; the others say where it is", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [follower] = await cluster.followers();
  await expect(follower?.node.removeMember(0)).rejects.toMatchObject({
    code: "NOT_LEADER",
    leaderAddress: `host-${leader.node.id}:1`,
  });
});

test("a change that makes no sense is refused, and says why", async () => {
  cluster = await Cluster.start(1);
  const { node } = await cluster.leader();
  for (const [change, reason] of [
    [node.removeMember(0), "no voter would be left"],
    [node.removeMember(5), "server 5 is not a member"],
    [node.addVoter(0, "x:1"), "server 0 is a member already"],
    [node.addLearner(1, "host-0:1"), "two members would be at host-0:1"],
    [node.changeMembers([]), "there is nothing to change"],
    [node.setAddress(0, "y:1", { expectedIndex: 99 }), "not 99"],
  ] as const) {
    const error = await change.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ChangeRefusedError);
    expect(error).toMatchObject({
      code: "CHANGE_REFUSED",
      retry: "never",
      reason: expect.stringContaining(reason),
    });
  }
  expect(node.membership().index).toBe(0);
});

test("a change at a time: the second one is told to come later, and may then say on what it rests", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.await(leader.node.propose(bytes("a")));
  const { index } = leader.node.membership();
  const first = leader.node.setAddress(0, "moved:0", { expectedIndex: index });
  const second = await leader.node.setAddress(1, "moved:1").catch((error: unknown) => error);
  expect(second).toBeInstanceOf(ChangePendingError);
  expect(second).toMatchObject({ code: "CHANGE_PENDING", retry: "later" });
  const done = await cluster.await(first);
  expect(done.index).toBeGreaterThan(index);
  await expect(leader.node.setAddress(1, "moved:1", { expectedIndex: index })).rejects.toThrow(
    ChangeRefusedError,
  );
  await cluster.await(leader.node.setAddress(1, "moved:1", { expectedIndex: done.index }));
});

test("the result is the membership that was asked for, although the leader goes on changing it", async () => {
  cluster = await Cluster.start(1, { identity: { clusterId: "c", incarnation: "disk", starts: 1 } });
  const { node } = cluster.member(0);
  await cluster.leader();
  const changed = await cluster.await(node.setAddress(0, "moved:0"));
  expect(changed.members).toMatchObject([{ id: 0, address: "moved:0" }]);
  expect(changed.index).toBeLessThanOrEqual(node.membership().index);
});

test("a change whose leader is cut off ends as unknown, and says what to look at", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  for (const { node } of await cluster.followers()) cluster.network.cut(leader.node.id, node.id);
  const change = outcomeOf(leader.node.addLearner(3, "host-3:1"));
  await cluster.until(() => change.state === "rejected", "it does not end");
  expect(change.error).toBeInstanceOf(OutcomeUnknownError);
  expect(change.error).toMatchObject({ message: expect.stringContaining("membership()") });
});

test("an aborted change: not done if it was not handed in, otherwise unknown, and it goes on", async () => {
  cluster = await Cluster.start(1);
  const { node } = await cluster.leader();
  const early = new AbortController();
  const never = node.addLearner(1, "host-1:1", { signal: early.signal });
  early.abort("too early");
  await expect(never).rejects.toBe("too early");
  expect(node.membership().members).toHaveLength(1);

  const late = new AbortController();
  // Nobody is there to catch up.
  const waiting = outcomeOf(node.addVoter(2, "host-2:1", { signal: late.signal }));
  await cluster.run(1000);
  expect(waiting.state).toBe("pending");
  late.abort("too late");
  await settle();
  expect(waiting.error).toBeInstanceOf(OutcomeUnknownError);
  expect(node.membership().members).toMatchObject([{ id: 0 }, { id: 2, standing: "promotable" }]);
  expect(node.status().pendingRequests).toBe(0);
});

test("a snapshot keeps the members of its last entry, on the server that takes it and on those that get it", async () => {
  const small = { snapshotBytes: 200, retainedBytes: 0 };
  cluster = await Cluster.start(1, small);
  const leader = await cluster.leader();
  await cluster.await(leader.node.addLearner(7, "host-7:1"));
  for (const text of "abcdefghij") await cluster.await(leader.node.propose(bytes(text)));
  expect(leader.node.status().snapshotIndex).toBeGreaterThan(leader.node.membership().index);
  const joiner = await cluster.join(1, small);
  const received: unknown[] = [];
  joiner.node.on("snapshot", ({ source, configuration }) => {
    if (source === "received")
      received.push(configuration?.members.map(({ id, standing }) => `${id} ${standing}`));
  });
  await cluster.await(leader.node.addVoter(1, "host-1:1"));
  expect(received).toEqual([expect.arrayContaining(["0 voter", "7 learner"])]);
  for (const member of [leader, joiner]) {
    await member.node.stop();
    const { snapshot } = await member.storage.inner.open();
    await member.storage.inner.close();
    expect(snapshot?.configuration?.members.map(({ id }) => id)).toContain(7);
  }
  // And it is what they begin with in their next life, the log that said so being gone.
  const next = cluster.make(1, new FaultyStorage(joiner.storage.inner), { peers: new Map() });
  await next.node.start();
  expect(standings(next)).toContain("7 learner");
});
