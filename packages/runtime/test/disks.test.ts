import { countsIn } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { Cluster, type Member } from "./support/cluster.ts";
import { DiskCluster } from "./support/disks.ts";
import { outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";

// A server that lost its disk has forgotten what it had confirmed and for whom it voted. Nothing that it says may count before the cluster has taken it
// in again, without a vote.

let disks: DiskCluster;
let cluster: Cluster;
afterEach(() => cluster.stop());

async function startThree(): Promise<{ leader: Member; others: [Member, Member] }> {
  disks = await DiskCluster.start(3);
  cluster = disks.cluster;
  const leader = await cluster.leader();
  await cluster.await(leader.node.propose(bytes("a")));
  await cluster.run(500);
  const [one, two] = await cluster.followers();
  if (!one || !two) throw new Error("There are no followers.");
  return { leader, others: [one, two] };
}

const standingOf = ({ node }: Member, id: number): string | undefined =>
  node.membership().members.find((member) => member.id === id)?.standing;

const textsOf = ({ journal }: Member): string => journal.lines.map((line) => line.split(":")[1]).join("");

const rejectionAt = ({ node }: Member, peer: number) =>
  node.status().peers.find(({ id }) => id === peer)?.rejection;

test("the configuration learns which disk speaks for whom, and then stays as it is", async () => {
  const { leader } = await startThree();
  expect(disks.namesAt(leader)).toEqual(["disk 0", "disk 1", "disk 2"]);
  expect(leader.node.membership().members.map(({ standing }) => standing)).toEqual([
    "voter",
    "voter",
    "voter",
  ]);
  const { index } = leader.node.membership();
  await cluster.run(5000);
  for (const { node } of cluster.members) {
    expect(node.membership().index).toBe(index);
    expect(node.status().identity).toMatchObject({ clusterId: "the cluster", starts: 1 });
  }
});

test("a server that comes back with its disk is the one it was; so is everybody after everybody's restart", async () => {
  const { leader } = await startThree();
  const { index } = leader.node.membership();
  for (const id of [0, 1, 2]) {
    await cluster.restart(id);
    await cluster.leader();
  }
  await cluster.run(3000);
  const next = await cluster.leader();
  expect(next.node.membership().index).toBe(index);
  for (const { node } of cluster.members) {
    expect(node.status().peers.map(({ rejection }) => rejection)).toEqual([null, null]);
  }
});

test.for([
  ["with the peers that it always had", {}],
  ["as one that joins", { peers: new Map<number, string>() }],
] as const)(
  "a server that lost its disk loses its vote, gets the log, and then its vote back, all by itself: started %s",
  async ([, tuning]) => {
    const { leader, others } = await startThree();
    const { id } = others[0].node;
    const seen: (string | undefined)[] = [];
    const rejections: unknown[] = [];
    leader.node.on("membership", () => seen.push(standingOf(leader, id)));
    leader.node.on("rejection", (event) => rejections.push(event));
    const back = await disks.wipe(id, tuning);
    const told: unknown[] = [];
    back.node.on("rejection", (event) => told.push(event));
    await cluster.until(() => standingOf(leader, id) === "voter" && seen.length > 2, "it does not come back");
    expect(seen).toEqual(["rejoining", "promotable", "incoming", "voter"]);
    expect(disks.namesAt(leader)[id]).toBe(`disk ${id}'`);
    await cluster.until(() => textsOf(back) === "a", "it does not get the log");
    expect(rejections).toEqual([{ peer: id, by: leader.node.id, refusal: "otherDisk" }]);
    expect(told).toContainEqual({ peer: leader.node.id, by: leader.node.id, refusal: "otherDisk" });
    // And it is a member like any other again.
    await others[1].node.stop();
    await cluster.await(leader.node.propose(bytes("b")));
    for (const { rejection } of back.node.status().peers) expect(rejection).toBeNull();
  },
);

test("before that, what it stores is not counted: a write that only it and the leader hold is not committed", async () => {
  const { leader, others } = await startThree();
  const [lost, away] = others;
  disks.network.links.cut(leader.node.id, away.node.id);
  disks.network.links.cut(lost.node.id, away.node.id);
  await disks.wipe(lost.node.id);
  const write = outcomeOf(leader.node.propose(bytes("b")));
  await cluster.run(5000);
  // The leader is on its own, and knows it.
  expect(write.error).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  expect(cluster.leaders()).toEqual([]);
  disks.network.links.heal();
  const next = await cluster.leader();
  await cluster.until(() => standingOf(next, lost.node.id) === "voter", "it does not come back");
});

test("before that, its vote is not counted: with it and one other server there is no leader", async () => {
  const { leader, others } = await startThree();
  const [lost, other] = others;
  await cluster.await(leader.node.propose(bytes("b")));
  await cluster.await(leader.node.stop());
  // The leader's stop has made one of them leader, perhaps; with an empty disk beside it, nobody is.
  const back = await disks.wipe(lost.node.id);
  await cluster.run(10_000);
  expect(cluster.leaders()).toEqual([]);
  expect(other.node.status().membership.members.map(({ standing }) => standing)).toEqual([
    "voter",
    "voter",
    "voter",
  ]);
  expect(textsOf(back)).toBe("");
  await cluster.restart(leader.node.id);
  const next = await cluster.leader();
  await cluster.until(() => standingOf(next, lost.node.id) === "voter", "it does not come back");
  await cluster.until(() => textsOf(back) === "ab", "it does not get the log");
});

test("a server that was away meanwhile is told by the leader, also if that is the one whose disk it does not know", async () => {
  disks = await DiskCluster.start(5);
  cluster = disks.cluster;
  const leader = await cluster.leader();
  await cluster.await(leader.node.propose(bytes("a")));
  await cluster.run(500);
  const [lost, away] = await cluster.followers();
  if (!lost || !away) throw new Error("There are no followers.");
  const { id } = lost.node;
  for (const { node } of cluster.members)
    if (node !== away.node) disks.network.links.cut(away.node.id, node.id);
  const back = await disks.wipe(id);
  await cluster.until(() => disks.namesAt(leader)[id] === `disk ${id}'`, "it does not come back");
  await cluster.until(() => standingOf(leader, id) === "voter", "it does not get its vote back");
  await cluster.run(200);
  await leader.node.transferLeadership({ to: id });
  expect(back.node.status().role).toBe("leader");
  await cluster.await(back.node.propose(bytes("b")));
  expect(disks.namesAt(away)[id]).toBe(`disk ${id}`);
  disks.network.links.heal();
  await cluster.until(() => textsOf(away) === "ab", "nobody tells it");
  expect(disks.namesAt(away)[id]).toBe(`disk ${id}'`);
  expect(back.node.status().role).toBe("leader");
});

test("a copy of a disk that is older than what was seen of it is refused for good; emptied, it comes back", async () => {
  const { leader, others } = await startThree();
  const { id } = others[0].node;
  await cluster.restart(id);
  await cluster.run(1000);
  // Its data directory is put back from a copy of the time before that start.
  disks.disk(id).starts = 0;
  const older = await cluster.restart(id);
  const { index } = leader.node.membership();
  await cluster.run(10_000);
  expect(rejectionAt(leader, id)).toEqual({ by: leader.node.id, refusal: "olderDisk" });
  expect(rejectionAt(older, leader.node.id)).toEqual({ by: leader.node.id, refusal: "olderDisk" });
  expect(leader.node.membership().index).toBe(index);
  const back = await disks.wipe(id);
  await cluster.until(() => textsOf(back) === "a", "it does not come back");
  await cluster.until(() => standingOf(leader, id) === "voter", "it does not get its vote back");
});

test("servers of different clusters do not talk to each other, and both sides say so, once", async () => {
  const warnings: string[] = [];
  const logger = { info: () => {}, warn: (line: string) => void warnings.push(line), error: () => {} };
  disks = await DiskCluster.start(3, { logger }, (id) => (id === 2 ? "another" : "the cluster"));
  cluster = disks.cluster;
  const stranger = cluster.member(2);
  const events: unknown[] = [];
  stranger.node.on("rejection", (event) => events.push(event));
  await cluster.until(() => cluster.leaders().length === 1, "the two do not elect anybody");
  const leader = cluster.leaders()[0] ?? stranger;
  await cluster.await(leader.node.propose(bytes("a")));
  await cluster.run(10_000);
  expect(stranger.node.status()).toMatchObject({ leaderId: null, term: 0 });
  expect(textsOf(stranger)).toBe("");
  for (const { rejection } of stranger.node.status().peers) {
    expect(rejection).toMatchObject({ refusal: "otherCluster" });
  }
  expect(events).toHaveLength(2); // One for each of the others.
  expect(warnings.filter((line) => line.includes("another cluster"))).toHaveLength(4);
});

test("a server that is to join has no cluster yet, takes over that of the first one it meets, and has it stored", async () => {
  disks = await DiskCluster.start(1);
  cluster = disks.cluster;
  const leader = await cluster.leader();
  const stored: string[] = [];
  const joiner = await cluster.join(1, {
    identity: {
      clusterId: null,
      incarnation: "disk 1",
      starts: 1,
      onClusterId: (id) => void stored.push(id),
    },
  });
  expect(joiner.node.identity?.clusterId).toBeNull();
  await cluster.await(leader.node.addVoter(1, "host-1:1"));
  expect(stored).toEqual(["the cluster"]);
  expect(joiner.node.identity).toEqual({ clusterId: "the cluster", incarnation: "disk 1", starts: 1 });
  await cluster.run(500);
  expect(disks.namesAt(joiner)).toEqual(["disk 0", "disk 1"]);
});

test("nothing of the cluster is stored before its id is; if that fails, the server stops", async () => {
  disks = await DiskCluster.start(1);
  cluster = disks.cluster;
  const leader = await cluster.leader();
  const saved = Promise.withResolvers<void>();
  const joiner = await cluster.join(1, {
    identity: { clusterId: null, incarnation: "disk 1", starts: 1, onClusterId: () => saved.promise },
  });
  const added = outcomeOf(leader.node.addVoter(1, "host-1:1"));
  await cluster.run(3000);
  expect(joiner.node.status()).toMatchObject({ term: 0, lastLogIndex: 0, leaderId: null });
  expect(joiner.storage.calls.filter((call) => call === "write")).toEqual([]);
  saved.resolve();
  await cluster.until(() => added.state === "fulfilled", "it does not join");

  const broken = await cluster.join(2, {
    identity: {
      clusterId: null,
      incarnation: "disk 2",
      starts: 1,
      onClusterId: () => Promise.reject(new Error("no space left on device")),
    },
  });
  void outcomeOf(leader.node.addLearner(2, "host-2:1"));
  await cluster.until(() => broken.failures.length > 0, "it goes on");
  expect(broken.failures).toMatchObject([{ code: "STORAGE_FAILED" }]);
  expect(broken.node.status().lastLogIndex).toBe(0);
});

test("one server takes the place of another, and there are never less voters than before", async () => {
  const { leader, others } = await startThree();
  const { id } = others[0].node;
  const joiner = await cluster.join(3);
  const voters: number[] = [];
  leader.node.on("membership", ({ members }) => {
    const counted = members.filter(({ standing }) => countsIn(standing, "new"));
    voters.push(counted.length);
  });
  const { members } = await cluster.await(leader.node.replaceMember(id, 3, "host-3:1"));
  expect(members.map((member) => member.id)).not.toContain(id);
  expect(members.find((member) => member.id === 3)?.standing).toBe("voter");
  expect(voters.length).toBeGreaterThan(1);
  expect(Math.min(...voters)).toBe(3);
  await cluster.until(() => textsOf(joiner) === "a", "it does not get the log");
  await expect(leader.node.replaceMember(9, 4, "host-4:1")).rejects.toMatchObject({
    code: "CHANGE_REFUSED",
    reason: "server 9 is not a member",
  });
});

test.for([
  [{ clusterId: "", incarnation: "x", starts: 1 }, "clusterId"],
  [{ clusterId: null, incarnation: "", starts: 1 }, "incarnation"],
  [{ clusterId: null, incarnation: "x", starts: 0 }, "starts"],
] as const)("an identity that is none is refused: %o", async ([identity, what]) => {
  cluster = await Cluster.start(1);
  expect(() => cluster.make(1, undefined, { identity })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringContaining(what) }),
  );
});
