import { afterEach, expect, test } from "vitest";
import { StoppedError, TransferFailedError, TransferringError } from "@eraft/runtime";
import { Cluster, type Member } from "./support/cluster.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";

const ELECTION_TIMEOUT_MS = 1000;

let cluster: Cluster;
afterEach(() => cluster.stop());

async function startThree(tuning = {}): Promise<{ leader: Member; others: Member[] }> {
  cluster = await Cluster.start(3, tuning);
  const leader = await cluster.leader();
  await cluster.await(leader.node.propose(bytes("a")));
  await cluster.run(200);
  return { leader, others: await cluster.followers() };
}

function idOf(member: Member | undefined): number {
  return member?.node.id ?? -1;
}

test("the leadership is handed over to whom it is wanted for, and resolves once that server leads, in no time", async () => {
  const { leader, others } = await startThree();
  const [, wanted] = others;
  const before = cluster.clock.now();
  await leader.node.transferLeadership({ to: idOf(wanted) });
  expect(wanted?.node.status().role).toBe("leader");
  expect(leader.node.status()).toMatchObject({ role: "follower", leaderId: idOf(wanted) });
  expect(cluster.clock.now()).toBe(before);
});

test("without a name, whoever is best prepared takes over", async () => {
  const { leader, others } = await startThree();
  const [behind, ready] = others;
  cluster.network.cut(leader.node.id, idOf(behind));
  await cluster.await(leader.node.propose(bytes("b")));
  await leader.node.transferLeadership();
  expect(ready?.node.status().role).toBe("leader");
});

test("meanwhile commands and changes are refused, and told to come later; reads go on", async () => {
  const { leader, others } = await startThree();
  const [target] = others;
  cluster.network.cut(leader.node.id, idOf(target));
  const transfer = outcomeOf(leader.node.transferLeadership({ to: idOf(target) }));
  const refused = [
    leader.node.propose(bytes("b")),
    leader.node.addLearner(7, "host-7:1"),
    leader.node.transferLeadership(),
  ];
  for (const promise of refused) {
    const error = await promise.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TransferringError);
    expect(error).toMatchObject({ code: "TRANSFERRING", retry: "later" });
  }
  expect(await cluster.await(leader.node.read("all"))).toMatch(":a");
  await cluster.until(() => transfer.state !== "pending", "the transfer does not end");
  expect(transfer.error).toBeInstanceOf(TransferFailedError);
  expect(transfer.error).toMatchObject({
    code: "TRANSFER_FAILED",
    retry: "later",
    reason: expect.stringContaining("in time"),
  });
  // And it serves as before.
  expect(leader.node.status().role).toBe("leader");
  expect(await cluster.await(leader.node.propose(bytes("c")))).toMatch(":c");
});

test.for([
  ["itself", (leader: Member) => leader.node.id, "leads already"],
  ["a stranger", () => 42, "server 42 is not a voter"],
] as const)("to %s it cannot be handed over", async ([, to, reason]) => {
  const { leader } = await startThree();
  await expect(leader.node.transferLeadership({ to: to(leader) })).rejects.toMatchObject({
    reason: expect.stringContaining(reason),
  });
});

test("only the leader can hand over", async () => {
  const { leader, others } = await startThree();
  await expect(others[0]?.node.transferLeadership()).rejects.toMatchObject({
    code: "NOT_LEADER",
    leaderId: leader.node.id,
  });
});

test("when the leader is cut off in the middle of it, the caller still hears how it ended", async () => {
  const { leader, others } = await startThree();
  const [target, other] = others;
  const transfer = outcomeOf(leader.node.transferLeadership({ to: idOf(target) }));
  for (const peer of [target, other]) cluster.network.cut(leader.node.id, idOf(peer));
  await cluster.run(4 * ELECTION_TIMEOUT_MS);
  expect(transfer.state).not.toBe("pending");
  expect(leader.node.status()).toMatchObject({ pendingRequests: 0 });
});

test("an aborted transfer ends the wait; what was begun goes on", async () => {
  const { leader, others } = await startThree();
  const [target] = others;
  const controller = new AbortController();
  const transfer = outcomeOf(leader.node.transferLeadership({ to: idOf(target), signal: controller.signal }));
  await Promise.resolve();
  controller.abort("enough");
  await settle();
  expect(transfer.error).toBe("enough");
  await cluster.until(() => target?.node.status().role === "leader", "it does not go on");
  expect(leader.node.status().pendingRequests).toBe(0);
});

// --- stop

test("a leader that is stopped hands over first: no election timeout, and what it has taken on is done", async () => {
  const { leader, others } = await startThree();
  const before = cluster.clock.now();
  const proposals = ["b", "c", "d"].map((text) => leader.node.propose(bytes(text)));
  const stopped = leader.node.stop();
  expect(leader.node.status().phase).toBe("stopping");
  await expect(leader.node.propose(bytes("late"))).rejects.toBeInstanceOf(StoppedError);
  await expect(leader.node.read("all", { consistency: "stale" })).rejects.toBeInstanceOf(StoppedError);
  expect(await Promise.all(proposals)).toEqual(["3:b", "4:c", "5:d"]);
  await stopped;
  const next = others.find(({ node }) => node.status().role === "leader");
  expect(next).toBeDefined();
  expect(cluster.clock.now()).toBe(before);
  await cluster.await((next as Member).node.propose(bytes("e")));
});

test("a rolling restart of everybody costs no election timeout: there is always a leader, or one in a moment", async () => {
  await startThree();
  let longestMs = 0;
  for (const id of [0, 1, 2]) {
    await cluster.member(id).node.stop();
    const since = cluster.clock.now();
    await cluster.until(() => cluster.leaders().length > 0, "no leader");
    longestMs = Math.max(longestMs, cluster.clock.now() - since);
    await cluster.restart(id);
    await cluster.run(500);
  }
  expect(longestMs).toBe(0);
});

test("with transferOnStop: false it does not", async () => {
  const { leader, others } = await startThree({ transferOnStop: false });
  await leader.node.stop();
  await settle();
  expect(others.map(({ node }) => node.status().role)).toEqual(["follower", "follower"]);
});

test("if nobody takes over, stop waits an election timeout and no longer, and ends like any other", async () => {
  const { leader, others } = await startThree();
  // They can be heard, but do not hear.
  const gate = new Gate();
  gate.close();
  for (const { storage } of others) storage.before = gate.pass;
  const inTheLog = outcomeOf(leader.node.propose(bytes("b")));
  await settle();
  const before = cluster.clock.now();
  const stopped = outcomeOf(leader.node.stop());
  await cluster.until(() => stopped.state !== "pending", "it does not stop");
  expect(stopped.state).toBe("fulfilled");
  expect(cluster.clock.now() - before).toBeLessThanOrEqual(ELECTION_TIMEOUT_MS);
  expect(inTheLog.error).toMatchObject({ code: "OUTCOME_UNKNOWN" });
  gate.open();
});

test("a leader whose event loop sees no ticks stops all the same", async () => {
  const { leader } = await startThree();
  const stopped = outcomeOf(leader.node.stop());
  // No heartbeat, no answer: nothing but the deadline.
  for (const { node } of cluster.members)
    if (node !== leader.node) cluster.network.cut(leader.node.id, node.id);
  cluster.clock.stall(ELECTION_TIMEOUT_MS);
  await settle();
  expect(stopped.state).toBe("fulfilled");
});

test("where no other voter can be reached, stop does not wait", async () => {
  const { leader, others } = await startThree();
  for (const { node } of others) await node.stop();
  await cluster.run(200);
  expect(leader.node.status().role).toBe("leader");
  const before = cluster.clock.now();
  await leader.node.stop();
  expect(cluster.clock.now()).toBe(before);
});

test("a server alone stops at once", async () => {
  cluster = await Cluster.start(1);
  const { node } = await cluster.leader();
  await node.stop();
  expect(node.status().phase).toBe("stopped");
  expect(cluster.clock.pendingTimers).toBe(0);
});

test("a leader that is stopped in the middle of handing over to somebody lets that come to its end", async () => {
  const { leader, others } = await startThree();
  const [wanted] = others;
  const gate = new Gate();
  gate.close();
  if (wanted) wanted.storage.before = gate.pass;
  // It has not got the last entry yet, so it is not asked to stand.
  await cluster.await(leader.node.propose(bytes("b")));
  const transfer = outcomeOf(leader.node.transferLeadership({ to: idOf(wanted) }));
  await settle();
  const stopped = outcomeOf(leader.node.stop());
  await cluster.run(200);
  expect([transfer.state, stopped.state]).toEqual(["pending", "pending"]);
  gate.open();
  await cluster.until(() => stopped.state !== "pending", "it does not stop");
  expect(transfer.state).toBe("fulfilled");
  expect(wanted?.node.status().role).toBe("leader");
  expect(cluster.clock.pendingTimers).toBe(2); // The tickers of the two that run.
});

test("a node that fails while it hands over stops, and its callers hear of the failure", async () => {
  const { leader, others } = await startThree();
  const gate = new Gate();
  gate.close();
  leader.storage.before = async (operation) => {
    if (operation !== "write") return;
    await gate.pass();
    throw new Error("input/output error");
  };
  for (const { storage } of others) storage.before = gate.pass;
  const proposal = outcomeOf(leader.node.propose(bytes("b")));
  await settle();
  const stopped = outcomeOf(leader.node.stop());
  await settle();
  gate.open();
  await settle();
  expect(stopped.state).toBe("fulfilled");
  expect(proposal.error).toMatchObject({ code: "OUTCOME_UNKNOWN", cause: { code: "STORAGE_FAILED" } });
  expect(leader.failures).toMatchObject([{ code: "STORAGE_FAILED" }]);
});
