import { afterEach, expect, test } from "vitest";
import { OutcomeUnknownError, StoppedError } from "@eraft/runtime";
import { Cluster } from "./support/cluster.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { startFollower } from "./support/follower.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";
import { heartbeat } from "./support/scripted-transport.ts";

let cluster: Cluster;
let gate: Gate;
afterEach(async () => {
  gate?.open();
  await cluster.stop();
});

function closedGate(): Gate {
  gate = new Gate();
  gate.close();
  return gate;
}

test("stop answers at once, waits for the write under way, and closes the storage after it", async () => {
  cluster = await Cluster.start(1);
  const { node, storage } = await cluster.leader();
  storage.before = closedGate().pass;
  const inTheLog = outcomeOf(node.propose(bytes("a")));
  const read = outcomeOf(node.read("all"));
  await settle();
  const neverStepped = outcomeOf(node.propose(bytes("b")));
  const stopped = outcomeOf(node.stop());
  await settle();
  expect(inTheLog.error).toBeInstanceOf(OutcomeUnknownError);
  expect(neverStepped.error).toBeInstanceOf(StoppedError);
  expect(read.error).not.toBeInstanceOf(OutcomeUnknownError);
  expect(read.state).not.toBe("pending");
  expect(stopped.state).toBe("pending");
  expect(storage.closes).toBe(0);
  gate.open();
  await settle();
  expect(stopped.state).toBe("fulfilled");
  expect(storage.closes).toBe(1);
  // What was unknown is there, what was surely not done is not.
  const { entries } = await storage.inner.open();
  expect(entries.map(({ command }) => new TextDecoder().decode(command))).toEqual(["", "a"]);
});

test("stop waits for the apply under way, whose proposals get their results", async () => {
  cluster = await Cluster.start(1);
  const { node, journal, storage } = await cluster.leader();
  journal.onApply = closedGate().pass;
  const applying = outcomeOf(node.propose(bytes("a")));
  await settle();
  expect(gate.arrivals).toBe(1);
  const next = outcomeOf(node.propose(bytes("b")));
  await settle();
  const stopped = outcomeOf(node.stop());
  await settle();
  expect([applying.state, next.state, stopped.state]).toEqual(["pending", "rejected", "pending"]);
  expect(next.error).toBeInstanceOf(OutcomeUnknownError);
  gate.open();
  await settle();
  expect([applying.state, stopped.state, storage.closes]).toEqual(["fulfilled", "fulfilled", 1]);
  expect(journal.lines).toEqual(["2:a"]);
});

test("what is still in the inbox when stop is called is not acted upon", async () => {
  cluster = await Cluster.start(1);
  const { node, storage, transport } = await startFollower();
  const sent = transport.sent.length;
  transport.deliver({ ...heartbeat(2), entries: [{ index: 1, term: 1, command: bytes("a") }] });
  await node.stop();
  await settle();
  expect(transport.sent).toHaveLength(sent);
  expect(await storage.inner.open()).toMatchObject({ entries: [] });
});

test("stop ends a read that the state machine does not finish", async () => {
  cluster = await Cluster.start(1);
  const { node, journal } = await cluster.leader();
  journal.onQuery = closedGate().pass;
  const read = outcomeOf(node.read("all"));
  await settle();
  await node.stop();
  await settle();
  expect(read.error).toBeInstanceOf(StoppedError);
});

test("stop gives up the snapshot under way, and the log stays whole", async () => {
  cluster = await Cluster.start(1, { snapshotBytes: 100 });
  const { node, storage } = await cluster.leader();
  storage.before = (operation) => (operation === "sink.write" ? gate.pass() : undefined);
  closedGate();
  for (const text of ["a", "b", "c", "d"]) await node.propose(bytes(text));
  expect(gate.arrivals).toBe(1);
  const stopped = outcomeOf(node.stop());
  await settle();
  expect(stopped.state).toBe("pending");
  gate.open();
  await settle();
  expect(stopped.state).toBe("fulfilled");
  expect(storage.calls.filter((call) => call === "sink.write")).toHaveLength(1);
  expect(await storage.inner.open()).toMatchObject({ snapshot: null, entries: { length: 5 } });
});

test("stop during start: the start rejects, and everything is let go of", async () => {
  cluster = await Cluster.start(1);
  await cluster.member(0).node.stop();
  const { node, storage, failures } = cluster.make(0);
  storage.before = closedGate().pass;
  const started = outcomeOf(node.start());
  await settle();
  const stopped = outcomeOf(node.stop());
  await settle();
  expect([started.state, stopped.state]).toEqual(["pending", "pending"]);
  gate.open();
  await settle();
  expect(started.error).toBeInstanceOf(StoppedError);
  expect([stopped.state, storage.closes, failures.length]).toEqual(["fulfilled", 1, 0]);
  await storage.inner.open();
});

test("stop may be called twice and before start; `stopped` comes once; no timer is left", async () => {
  cluster = await Cluster.start(1);
  const { node } = cluster.member(0);
  let stops = 0;
  node.on("stopped", () => {
    stops += 1;
  });
  await Promise.all([node.stop(), node.stop()]);
  await node.stop();
  expect(stops).toBe(1);
  expect(cluster.clock.pendingTimers).toBe(0);
  const unborn = cluster.make(0);
  await unborn.node.stop();
  expect(unborn.node.status().phase).toBe("stopped");
  expect(unborn.storage.closes).toBe(0);
});

test("a stopped server sends nothing more", async () => {
  cluster = await Cluster.start(3);
  const leader = await cluster.leader();
  const [follower] = await cluster.followers();
  const { node } = leader;
  await node.stop();
  const lastContact = () =>
    follower?.node.status().peers.find(({ id }) => id === node.id)?.lastContactMs ?? 0;
  const before = lastContact();
  await cluster.run(1000);
  expect(lastContact()).toBe(before + 1000);
});

test("a storage that cannot be closed is reported, after everything else is done", async () => {
  cluster = await Cluster.start(1);
  const { node, storage } = cluster.member(0);
  let isStopped = false;
  node.on("stopped", () => {
    isStopped = true;
  });
  storage.close = () => Promise.reject(new Error("close: input/output error"));
  await expect(node.stop()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  expect(isStopped).toBe(true);
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield bytes("a\n");
}

test("stop in the middle of a snapshot that is being received leaves no timer behind", async () => {
  cluster = await Cluster.start(1);
  const { node, receiver, clock } = await startFollower();
  const header = { type: "installSnapshot", from: 1, to: 0, term: 1, sequence: 2 } as const;
  const received = outcomeOf(
    receiver.receiveSnapshot({ ...header, lastIncludedIndex: 5, lastIncludedTerm: 1 }, endless()),
  );
  await settle();
  expect(received.state).toBe("pending");
  await node.stop();
  await settle();
  expect(received.error).toBeInstanceOf(StoppedError);
  expect(clock.pendingTimers).toBe(0);
});
