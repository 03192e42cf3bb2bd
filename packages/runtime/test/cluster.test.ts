import { afterEach, expect, test } from "vitest";
import { NotLeaderError } from "@eraft/runtime";
import { Cluster } from "./support/cluster.ts";
import { bytes } from "./support/journal.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

test("one server elects itself, commits, applies, and answers reads", async () => {
  cluster = await Cluster.start(1);
  const { node } = await cluster.leader();
  expect(await node.propose(bytes("a"))).toBe("2:a");
  expect(await Promise.all([node.propose(bytes("b")), node.propose(bytes("c"))])).toEqual(["3:b", "4:c"]);
  expect(await node.read("all")).toBe("2:a,3:b,4:c");
});

test("three servers apply the same commands; all answer reads, the followers say who leads", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const lines = await Promise.all(
    ["a", "b", "c"].map((text) => cluster.await(leader.node.propose(bytes(text)))),
  );
  expect(await cluster.await(leader.node.read("all"))).toBe(lines.join(","));
  await cluster.run(200);
  for (const { journal } of cluster.members) expect(journal.lines).toEqual(lines);
  for (const { node } of await cluster.followers()) {
    const expected = {
      leaderId: leader.node.id,
      leaderAddress: `host-${leader.node.id}:1`,
      retry: "elsewhere",
    };
    const refused = await node.propose(bytes("x")).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NotLeaderError);
    expect(refused).toMatchObject({ ...expected, code: "NOT_LEADER" });
    expect(await cluster.await(node.read("all"))).toBe(lines.join(","));
  }
});

test("when the leader stops another one takes over, and a restarted server catches up from the log", async () => {
  cluster = await Cluster.start(3);
  const first = await cluster.leader();
  await cluster.await(first.node.propose(bytes("a")));
  await first.node.stop();
  const second = await cluster.leader();
  expect(second.node.id).not.toBe(first.node.id);
  await cluster.await(second.node.propose(bytes("b")));
  const back = await cluster.restart(first.node.id);
  await cluster.until(() => back.journal.lines.length === 2, "the restarted server does not catch up");
  expect(back.journal.lines.map((line) => line.split(":")[1])).toEqual(["a", "b"]);
});

test("term, vote and log survive the restart of every server", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  await cluster.await(leader.node.propose(bytes("a")));
  const { term } = leader.node.status();
  for (const { node } of cluster.members) await cluster.restart(node.id);
  const next = await cluster.leader();
  expect(next.node.status().term).toBeGreaterThan(term);
  expect(await cluster.await(next.node.read("all"))).toBe("2:a");
});

test("a leader that is cut off loses its leadership and does not answer reads from an old state", async () => {
  cluster = await Cluster.start(3);
  const old = await cluster.leader();
  const others = await cluster.followers();
  for (const { node } of others) cluster.network.cut(old.node.id, node.id);
  const read = old.node.read("all").catch((error: unknown) => error);
  const proposal = old.node.propose(bytes("lost")).catch((error: unknown) => error);
  await cluster.until(() => others.some(({ node }) => node.status().role === "leader"), "no successor");
  await cluster.until(() => old.node.status().role === "follower", "the old leader stays");
  expect(await read).toMatchObject({ code: "NOT_LEADER" });
  expect(await proposal).toMatchObject({ code: "OUTCOME_UNKNOWN", retry: "only-if-idempotent" });
  cluster.network.heal();
  const leader = await cluster.leader();
  expect(await cluster.await(leader.node.propose(bytes("new")))).toMatch(":new");
  await cluster.until(() => old.journal.lines.length > 0, "the old leader does not catch up");
  expect(old.journal.lines.map((line) => line.split(":")[1])).toEqual(["new"]);
});

test("status and events tell what happens", async () => {
  cluster = await Cluster.start(3);
  const { node: follower } = cluster.member(0);
  const seen: string[] = [];
  follower.on("leader", ({ leaderId, leaderAddress }) => seen.push(`leader ${leaderId} ${leaderAddress}`));
  follower.on("commit", ({ lastApplied }) => seen.push(`commit ${lastApplied}`));
  follower.on("commit", () => {
    throw new Error("a listener of the application");
  });
  const unsubscribe = follower.on("role", () => seen.push("unsubscribed too late"));
  unsubscribe();
  const leader = await cluster.leader();
  await cluster.await(leader.node.propose(bytes("a")));
  await cluster.run(200);
  const { id } = leader.node;
  expect(seen).toEqual([`leader ${id} host-${id}:1`, "commit 1", "commit 2"]);
  expect(leader.node.status()).toMatchObject({
    id,
    phase: "running",
    role: "leader",
    leaderId: id,
    leaderAddress: `host-${id}:1`,
    commitIndex: 2,
    lastApplied: 2,
    lastLogIndex: 2,
    snapshotIndex: 0,
    storageBytes: 1,
    pendingRequests: 0,
    failure: null,
  });
  for (const peer of leader.node.status().peers) {
    expect(peer).toMatchObject({
      address: `host-${peer.id}:1`,
      state: "replicate",
      matchIndex: 2,
      lastError: null,
    });
    expect(peer.lastContactMs).toBeLessThanOrEqual(200);
  }
  expect(() => follower.on("no such event" as "role", () => {})).toThrow("There is no event");
});

test("a leader that has gone silent is not named any more, although no other one has been elected", async () => {
  cluster = await Cluster.start(3, { transferOnStop: false });
  const { id } = (await cluster.leader()).node;
  const [last, other] = cluster.members.filter(({ node }) => node.id !== id);
  for (const member of [cluster.member(id), other])
    await cluster.await(member?.node.stop() ?? Promise.resolve());
  const { term } = last?.node.status() ?? {};
  await cluster.run(3000);
  expect(last?.node.status()).toMatchObject({ term, leaderId: null, leaderAddress: null });
});

test("a peer that is unreachable shows its error until it is heard again", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [away] = await cluster.followers();
  const id = away?.node.id ?? -1;
  cluster.network.cut(leader.node.id, id);
  const peer = () => leader.node.status().peers.find((peer) => peer.id === id);
  await cluster.until(() => peer()?.lastError !== null, "no error");
  expect(peer()?.lastError?.message).toMatch("cannot be reached");
  cluster.network.heal();
  await cluster.until(() => peer()?.lastError === null, "the error stays");
});
