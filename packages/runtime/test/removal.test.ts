import { afterEach, expect, test } from "vitest";
import { Cluster, type Member } from "./support/cluster.ts";
import { bytes } from "./support/journal.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

function linesOf(warnings: string[]) {
  return { info: () => {}, warn: (line: string) => void warnings.push(line), error: () => {} };
}

const idsOf = ({ node }: Member): number[] => node.membership().members.map(({ id }) => id);

test("a server that is removed says so, and disturbs nobody from then on", async () => {
  const warnings: string[] = [];
  cluster = await Cluster.start(3, { logger: linesOf(warnings) });
  const leader = await cluster.leader();
  const [gone, left] = await cluster.followers();
  if (!gone || !left) throw new Error("There are no followers.");
  const { id } = gone.node;
  const memberships: number[][] = [];
  gone.node.on("membership", ({ members }) => memberships.push(members.map((member) => member.id)));
  await cluster.await(leader.node.removeMember(id));
  await cluster.run(500);
  expect(gone.node.status()).toMatchObject({ isRemoved: true, standing: null, phase: "running" });
  expect(memberships.at(-1)).not.toContain(id);
  expect(warnings).toEqual([expect.stringMatching(`Server ${id} was removed from the cluster.`)]);

  const { term } = leader.node.status();
  await cluster.run(20_000);
  expect(gone.node.status()).toMatchObject({ role: "follower", term });
  expect(leader.node.status()).toMatchObject({ role: "leader", term });
  expect(idsOf(leader)).not.toContain(id);
  await cluster.await(leader.node.propose(bytes("a")));
});

test("a server that was away while it was removed disturbs nobody when it comes back", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [gone, left] = await cluster.followers();
  if (!gone || !left) throw new Error("There are no followers.");
  for (const { node } of [leader, left]) cluster.network.cut(gone.node.id, node.id);
  await cluster.await(leader.node.removeMember(gone.node.id));
  await cluster.run(10_000);
  cluster.network.heal();
  const { term } = leader.node.status();
  await cluster.run(20_000);
  expect(leader.node.status()).toMatchObject({ role: "leader", term });
  expect(gone.node.status().term).toBe(term);
});

test("a leader that removes itself hands over, says so, and the others go on", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const others = await cluster.followers();
  await cluster.await(leader.node.propose(bytes("a")));
  await cluster.await(leader.node.removeMember(leader.node.id));
  await cluster.until(() => others.some(({ node }) => node.status().role === "leader"), "no successor");
  expect(leader.node.status()).toMatchObject({ isRemoved: true, role: "follower" });
  const next = await cluster.leader();
  await cluster.await(next.node.propose(bytes("b")));
});

test("a server that was removed and is added again is a member like any other", async () => {
  const warnings: string[] = [];
  cluster = await Cluster.start(3, { logger: linesOf(warnings) });
  const leader = await cluster.leader();
  const [gone] = await cluster.followers();
  if (!gone) throw new Error("There is no follower.");
  const { id } = gone.node;
  await cluster.await(leader.node.removeMember(id));
  await cluster.run(1000);
  await cluster.await(leader.node.addVoter(id, `host-${id}:1`));
  await cluster.run(500);
  expect(gone.node.status()).toMatchObject({ isRemoved: false, standing: "voter" });
  expect(warnings).toEqual([
    expect.stringContaining("was removed"),
    expect.stringContaining("is a member of the cluster again"),
  ]);
});

test("a removed server knows it in its next life too; one that only joins was never removed", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [gone] = await cluster.followers();
  if (!gone) throw new Error("There is no follower.");
  await cluster.await(leader.node.removeMember(gone.node.id));
  await cluster.run(500);
  const next = await cluster.restart(gone.node.id);
  expect(next.node.status()).toMatchObject({ isRemoved: true, standing: null });
  const joiner = await cluster.join(7);
  await cluster.run(500);
  expect(joiner.node.status()).toMatchObject({ isRemoved: false, standing: null });
  await cluster.await(leader.node.addLearner(7, "host-7:1"));
  expect(joiner.node.status().isRemoved).toBe(false);
});
