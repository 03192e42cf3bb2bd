import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { AdminService, RefusalReason, RefusalSchema } from "@eraft/proto/eraft/admin/v1";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Address } from "../src/cluster.ts";
import { addThisNode } from "../src/commands/join-advice.ts";
import { eventually } from "./support/eventually.ts";
import { LocalNode, found, freeAddresses, memberList, settled, standings } from "./support/local-node.ts";
import { runMain } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";

interface Cluster {
  readonly nodes: LocalNode[];
  /** Where further nodes can listen. */
  readonly free: readonly Address[];
  readonly dirOf: (id: number) => string;
  readonly contact: string;
}

async function cluster(size: number, others = 1): Promise<Cluster> {
  const addresses = await freeAddresses(size + others);
  const dir = await tempDir();
  const dirOf = (id: number): string => join(dir, `node-${id}`);
  const nodes = await found(addresses.slice(0, size), dirOf);
  const contact = nodes[0]?.address ?? "";
  await settled(contact);
  return { nodes, free: addresses.slice(size), dirOf, contact };
}

/** A node that waits to be added. */
function joiner({ free, contact, dirOf }: Cluster, id: number, at = 0): Promise<LocalNode> {
  const listen = free[at];
  if (listen === undefined) throw new Error("no address is left");
  const host = { text: contact, host: "127.0.0.1", port: Number(contact.split(":")[1]) };
  return LocalNode.start({ id, listen, beginning: { type: "join", contacts: [host] }, dir: dirOf(id) });
}

function member(contact: string, ...args: readonly string[]): ReturnType<typeof runMain> {
  const [action = "", ...rest] = args;
  return runMain("member", action, ...rest, "--cluster", contact);
}

function adminOf(address: string) {
  const connection = nodePeerConnection(address);
  onTestFinished(() => connection.close());
  return createClient(AdminService, connection);
}

test("a node is added, has everything, counts, and is removed: whichever node is asked", async () => {
  const all = await cluster(3);
  const { leader_id } = await memberList(all.contact);
  const follower = all.nodes.find(({ options }) => options.id !== leader_id)?.address ?? "";
  await runMain("put", "k", "before", "--cluster", follower);
  const [address = { text: "", host: "", port: 0 }] = all.free;
  // The node that is added is started while the command waits for it.
  const adding = member(follower, "add", "3", address.text);
  const node = await joiner(all, 3);
  expect(await adding).toMatchObject({ code: 0, stdout: "node 3 is a voter: 4 voters\n" });
  expect(standings(await memberList(node.address))).toBe("0 voter, 1 voter, 2 voter, 3 voter");
  expect((await runMain("get", "k", "--consistency", "stale", "--cluster", node.address)).stdout).toBe(
    "before\n",
  );
  // Said again, it is done already.
  expect(await member(follower, "add", "3", address.text)).toMatchObject({ code: 0, stderr: "" });

  const status = JSON.parse((await runMain("status", "--json", "--cluster", follower)).stdout) as object[];
  expect(status.map((row) => "standing" in row && row.standing)).toEqual([
    "voter",
    "voter",
    "voter",
    "voter",
  ]);
  expect(await member(node.address, "remove", "0")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("3 voters"),
  });
  expect(standings(await memberList(node.address))).toBe("1 voter, 2 voter, 3 voter");
  await runMain("put", "k", "after", "--cluster", node.address);
  expect((await runMain("get", "k", "--cluster", node.address)).stdout).toBe("after\n");
});

test("learners: added, promoted, demoted", async () => {
  const all = await cluster(1);
  const node = await joiner(all, 7);
  const { contact } = all;
  expect(await member(contact, "add", "7", node.address, "--learner")).toEqual({
    code: 0,
    stdout: "node 7 is a learner: 1 voter, 1 learner\n",
    stderr: "",
  });
  expect((await member(contact, "promote", "7")).stdout).toBe("node 7 is a voter: 2 voters\n");
  expect((await member(contact, "demote", "7")).stdout).toBe("node 7 is a learner: 1 voter, 1 learner\n");
  const { stderr, code } = await member(contact, "demote", "0");
  expect({ stderr, code }).toEqual({ stderr: "eraft: no voter would be left; nothing was done\n", code: 1 });
  const table = (await member(contact, "list")).stdout;
  expect(table).toMatch(/^cluster [0-9a-f]{16}, members as of log entry \d+:\n/);
  expect(table).toMatch(new RegExp(`^ 7  ${node.address} +learner +[0-9a-f]{32}$`, "m"));
});

test("--no-wait returns when the change is certain; a node that does not come is given up on, and can be removed", async () => {
  const all = await cluster(1);
  const [address = { text: "" }] = all.free;
  const { contact } = all;
  // It may say that node 1 does not answer, if that takes long enough to be noticed.
  expect(await member(contact, "add", "1", address.text, "--no-wait")).toMatchObject({ code: 0 });
  expect(standings(await memberList(contact))).toBe("0 voter, 1 promotable");
  const { code, stdout, stderr } = await member(contact, "add", "1", address.text, "--timeout-ms", "500");
  expect(stderr).toContain(`node 1 does not answer at ${address.text}`);
  expect(stderr).toMatch(/not done yet: .*eraft member remove undoes it\n$/);
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  expect(await member(contact, "remove", "1")).toMatchObject({ code: 0 });
});

test("a node moves: it keeps its data and its vote, at another address", async () => {
  const all = await cluster(3);
  await runMain("put", "k", "v", "--cluster", all.contact);
  const [first, second, third] = all.nodes;
  const [listen = { text: "", host: "", port: 0 }] = all.free;
  const moved = await third?.restart({ listen });
  expect(await member(all.contact, "move", "2", listen.text)).toMatchObject({
    code: 0,
    stdout: `node 2 is at ${listen.text} for all members\n`,
  });
  // It is needed for a majority now.
  await second?.stop();
  expect(await runMain("append", "k", "w", "--cluster", listen.text)).toMatchObject({ code: 0 });
  expect((await runMain("get", "k", "--cluster", first?.address ?? "")).stdout).toBe("vw\n");
  expect(moved?.log).not.toContain("error");
});

test("all nodes move at once: told where they are, they find each other, and the log is set right", async () => {
  const all = await cluster(3, 3);
  await runMain("put", "k", "v", "--cluster", all.contact);
  await Promise.all(all.nodes.map((node) => node.stop()));
  const members = new Map(all.free.map((address, id) => [id, address]));
  const moved = await Promise.all(
    all.nodes.map(({ options }) => {
      const listen = members.get(options.id) ?? options.listen;
      return LocalNode.start({ ...options, listen, beginning: { type: "found", members }, readdress: true });
    }),
  );
  const contact = moved[0]?.address ?? "";
  const addresses = await eventually(async () => {
    const { members } = await memberList(contact);
    expect(members.map(({ address }) => address)).toEqual(all.free.map(({ text }) => text));
    return members;
  });
  expect(addresses).toHaveLength(3);
  expect((await runMain("get", "k", "--cluster", contact)).stdout).toBe("v\n");
  // Nobody need be told again; and who moves from here on has moved.
  const [, , last] = moved;
  const back = await last?.restart({
    listen: all.nodes[2]?.options.listen ?? last.options.listen,
    readdress: false,
  });
  expect(await member(contact, "move", "2", back?.address ?? "")).toMatchObject({ code: 0 });
  await back?.followed();
  expect((await memberList(contact)).members[2]?.address).toBe(back?.address);
});

test("a node is replaced in the step in which the new one becomes a voter", async () => {
  const all = await cluster(3);
  const node = await joiner(all, 3);
  const { code, stdout } = await member(all.contact, "replace", "1", "3", node.address);
  expect(stdout).toMatch(/^node 3 is a voter: 3 voters\nnode 1 is no longer a member: 3 voters; [^\n]+\n$/);
  expect(code).toBe(0);
  // Said again, it is done already.
  expect(await member(all.contact, "replace", "1", "3", node.address)).toMatchObject({ code: 0, stderr: "" });
  expect(standings(await memberList(node.address))).toBe("0 voter, 2 voter, 3 voter");
});

test("the leadership goes where it is sent", async () => {
  const all = await cluster(3, 0);
  for (const to of [2, 0, 1]) {
    const { code, stdout } = await runMain("transfer", "--to", String(to), "--cluster", all.contact);
    expect(stdout).toMatch(new RegExp(`^node ${to} leads(?: already)?, in term \\d+\\n$`));
    expect(code).toBe(0);
  }
  expect((await memberList(all.contact)).leader_id).toBe(1);
  const { code, stderr } = await runMain("transfer", "--to", "9", "--cluster", all.contact);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: "eraft: node 9 cannot lead: not a member; nothing was done\n",
  });
});

test("a node that leaves nobody behind cannot hand over, and says why", async () => {
  const all = await cluster(1, 0);
  const { code, stderr } = await runMain("transfer", "--cluster", all.contact);
  expect(stderr).toMatch(/^eraft: node 0 leads as before: [^\n]+\n$/);
  expect(code).toBe(1);
});

function add(address: string) {
  return { change: { case: "addLearner", value: { id: 9n, address } } } as const;
}

async function refusal(promise: Promise<unknown>) {
  const error = await promise.then(
    () => null,
    (error: unknown) => ConnectError.from(error),
  );
  const [detail] = error?.findDetails(RefusalSchema) ?? [];
  return { code: error?.code, reason: detail?.reason, leader: detail?.leaderAddress };
}

test("what is not done says so in a Refusal, with the leader's address where that is the remedy", async () => {
  const all = await cluster(3);
  const { leader_id, index } = await memberList(all.contact);
  const leader = all.nodes[leader_id ?? -1]?.address ?? "";
  const follower = all.nodes.find(({ address }) => address !== leader)?.address ?? "";
  const changes = [add("10.0.0.9:5001")];
  expect(await refusal(adminOf(follower).changeMembers({ changes }))).toEqual({
    code: Code.FailedPrecondition,
    reason: RefusalReason.NOT_LEADER,
    leader,
  });
  expect(await refusal(adminOf(follower).transferLeadership({}))).toMatchObject({ leader });
  const outdated = adminOf(leader).changeMembers({ changes, expectedIndex: BigInt(index - 1) });
  expect(await refusal(outdated)).toMatchObject({ reason: RefusalReason.IMPOSSIBLE });
  // An address that no node could call would stay in every node's log.
  expect(await refusal(adminOf(leader).changeMembers({ changes: [add("nowhere")] }))).toMatchObject({
    code: Code.InvalidArgument,
  });
  expect(await refusal(adminOf(leader).changeMembers({ changes: [{}] }))).toMatchObject({
    code: Code.InvalidArgument,
  });
  expect((await memberList(leader)).index).toBe(index);
  const done = await adminOf(leader).changeMembers({ changes, expectedIndex: BigInt(index) });
  expect(done.members.map(({ id }) => id)).toEqual([0n, 1n, 2n, 9n]);
});

test("a node that is no member is told how to become one; one that is, is not", async () => {
  const all = await cluster(1, 2);
  const node = await joiner(all, 3);
  const config = { ...node.options, ...CONFIG };
  expect(addThisNode(config, node.started)).toMatch(
    new RegExp(
      `^it is not a member yet; to add it: .* member add 3 ${node.address} --cluster ${all.contact}\n$`,
    ),
  );
  const everywhere = { ...config, listen: { text: "0.0.0.0:7", host: "0.0.0.0", port: 7 } };
  expect(addThisNode(everywhere, node.started)).toContain("member add 3 HOST:7 ");
  await member(all.contact, "add", "3", node.address);
  const again = await node.restart();
  expect(addThisNode(config, again.started)).toBe("");
  // Added before it is started for the first time: that is what it hears from the others.
  await member(all.contact, "add", "4", all.free[1]?.text ?? "", "--no-wait");
  const late = await joiner(all, 4, 1);
  expect(addThisNode({ ...late.options, ...CONFIG }, late.started)).toBe("");
  await eventually(async () =>
    expect(standings(await memberList(all.contact))).toBe("0 voter, 3 voter, 4 voter"),
  );
});

const CONFIG = {
  clusterId: null,
  readdress: false,
  storage: { type: "memory" },
  state: "memory",
  electionTimeoutMs: 400,
  heartbeatMs: 50,
  snapshotBytes: 1,
  maxClockDriftPercent: null,
  logLevel: "info",
} as const;
