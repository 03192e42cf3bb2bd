import { afterEach, expect, test } from "vitest";
import { Cluster } from "./support/cluster.ts";
import { type ScriptedFollower, startFollower } from "./support/follower.ts";
import { Gate } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";
import { heartbeat } from "./support/scripted-transport.ts";

let follower: ScriptedFollower | undefined;
afterEach(async () => {
  await follower?.node.stop();
  follower = undefined;
});

function fail(): never {
  throw new Error("a bug in the application");
}

/** Sizes of the batches that the state machine gets. */
function recordBatches({ journal }: ScriptedFollower): number[] {
  const sizes: number[] = [];
  journal.onApply = (commands) => void sizes.push(commands.length);
  return sizes;
}

function backlog(count: number, sizeBytes: number) {
  const entries = Array.from({ length: count }, (_, position) => ({
    index: position + 1,
    term: 1,
    command: new Uint8Array(sizeBytes).fill(0x61),
  }));
  return { ...heartbeat(2), entries, leaderCommit: count };
}

test("a long backlog is applied in slices, with a turn of the event loop between them", async () => {
  follower = await startFollower();
  const { clock, transport, node } = follower;
  const sizes = recordBatches(follower);
  transport.deliver(backlog(2500, 1));
  await settle();
  expect(sizes).toEqual([64]);
  clock.advance(0);
  await settle();
  expect(sizes).toEqual([64, 128]);
  expect(node.status().lastApplied).toBe(192);
  for (let turn = 0; turn < 4; turn += 1) {
    clock.advance(0);
    await settle();
  }
  expect(sizes).toEqual([64, 128, 256, 512, 1024, 516]);
  expect(node.status().lastApplied).toBe(2500);
});

test("slices are bounded in bytes too, and a command larger than that is a slice of its own", async () => {
  follower = await startFollower();
  const sizes = recordBatches(follower);
  follower.transport.deliver(backlog(3, 700_000));
  await settle();
  follower.clock.advance(0);
  await settle();
  expect(sizes).toEqual([2, 1]);
});

test("stop does not wait for the rest of a backlog", async () => {
  follower = await startFollower();
  const sizes = recordBatches(follower);
  follower.transport.deliver(backlog(2500, 1));
  await settle();
  const stopped = follower.node.stop();
  follower.clock.advance(0);
  await stopped;
  expect(sizes).toEqual([64]);
});

test("what arrives during a write is one batch: group commit", async () => {
  const cluster = await Cluster.start(1);
  const { node, storage } = await cluster.leader();
  const gate = new Gate();
  gate.close();
  storage.before = gate.pass;
  const proposals = ["a", "b", "c", "d"].map(async (text, turn) => {
    for (let n = 0; n < turn; n += 1) await settle();
    return node.propose(bytes(text));
  });
  for (let n = 0; n < 5; n += 1) await settle();
  const writes = storage.calls.length;
  gate.open();
  expect(await Promise.all(proposals)).toEqual(["2:a", "3:b", "4:c", "5:d"]);
  expect(storage.calls).toHaveLength(writes + 1);
  await cluster.stop();
});

test("a leader whose disk hangs gives up its leadership, and another server takes over", async () => {
  const cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const gate = new Gate();
  gate.close();
  leader.storage.before = gate.pass;
  const proposal = leader.node.propose(bytes("a")).catch((error: unknown) => error);
  await cluster.until(() => cluster.leaders().some((member) => member !== leader), "no successor");
  expect(cluster.leaders()).not.toContain(leader);
  gate.open();
  const next = await cluster.leader();
  expect(next).not.toBe(leader);
  expect(leader.failures).toEqual([]);
  // A majority had it before the disk was missed, or nobody will say so now.
  expect([expect.stringMatching(":a"), expect.objectContaining({ code: "OUTCOME_UNKNOWN" })]).toContainEqual(
    await proposal,
  );
  await cluster.stop();
});

test("what no correct cluster does is reported as an alert", async () => {
  follower = await startFollower();
  const alerts: unknown[] = [];
  follower.node.on("alert", (alert) => alerts.push(alert));
  follower.transport.deliver({ ...heartbeat(2), from: 2 });
  await settle();
  expect(alerts).toMatchObject([{ type: "refused", refusal: { to: 2, reason: "twoLeaders" } }]);
  expect(follower.node.status()).toMatchObject({ phase: "running", leaderId: 1 });
});

test("a transport that throws where it must not stops the node instead of the process", async () => {
  follower = await startFollower();
  follower.transport.send = fail;
  follower.transport.deliver(heartbeat(2));
  await settle();
  expect(follower.node.status()).toMatchObject({ phase: "failed", failure: { code: "INVARIANT_BROKEN" } });
});

test("a logger that throws disturbs nobody", async () => {
  follower = await startFollower({ logger: { info: fail, warn: fail, error: fail } });
  follower.node.on("role", fail);
  follower.transport.deliver(heartbeat(2, 2));
  await settle();
  expect(follower.node.status()).toMatchObject({ phase: "running", term: 2 });
});
