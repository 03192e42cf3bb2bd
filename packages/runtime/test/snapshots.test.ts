import type { InstallSnapshot } from "@eraft/core";
import { afterEach, expect, test } from "vitest";
import { Cluster, type Member } from "./support/cluster.ts";
import { FaultyStorage } from "./support/faulty-storage.ts";
import { Gate, outcomeOf } from "./support/gate.ts";
import { startFollower } from "./support/follower.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";
import { heartbeat } from "./support/scripted-transport.ts";

/** An entry costs 32 bytes and its command: about every fourth command brings a snapshot. */
const small = { snapshotBytes: 130, retainedBytes: 0 };

let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function proposeAll({ node }: Member, texts: readonly string[]): Promise<void> {
  for (const text of texts) await cluster?.await(node.propose(bytes(text)));
}

const letters = (text: string): string[] => text.split("");
const textsOf = ({ journal }: Member): string => journal.lines.map((line) => line.split(":")[1]).join("");

test("the log is replaced by a snapshot as it grows, and a restart goes on from there", async () => {
  cluster = await Cluster.start(1, small);
  const member = await cluster.leader();
  const seen: number[] = [];
  member.node.on("snapshot", ({ lastIncludedIndex, source }) => {
    expect(source).toBe("local");
    seen.push(lastIncludedIndex);
  });
  await proposeAll(member, letters("abcdefghij"));
  await settle();
  expect(seen).toEqual([4, 8]); // 32 + 3 * 33 bytes, then 4 * 33.
  const { snapshotIndex, logBytes } = member.node.status();
  expect(snapshotIndex).toBe(seen.at(-1));
  expect(logBytes).toBeLessThan(small.snapshotBytes + 66);
  const next = await cluster.restart(0);
  expect(next.journal.restores).toBe(1);
  await cluster.leader();
  expect(await next.node.propose(bytes("k"))).toMatch(":k");
  expect(textsOf(next)).toBe("abcdefghijk");
});

test("the larger the state, the rarer are its snapshots, up to a limit", async () => {
  cluster = await Cluster.start(1, small);
  const member = await cluster.leader();
  const stateBytes: number[] = [];
  const spacings: number[] = [];
  let lastIndex = 0;
  member.node.on("snapshot", ({ lastIncludedIndex }) => {
    spacings.push(lastIncludedIndex - lastIndex);
    lastIndex = lastIncludedIndex;
    const lines = member.journal.lines.filter((line) => Number(line.split(":")[0]) <= lastIncludedIndex);
    stateBytes.push(bytes(lines.join("\n")).length + 1);
  });
  await proposeAll(
    member,
    Array.from({ length: 60 }, () => "x".repeat(50)),
  );
  await settle();
  // As many entries of 32 + 50 bytes as the state before has bytes; and of four times 130 at most.
  const expected = stateBytes.map((size) => Math.ceil(Math.max(130, Math.min(size, 4 * 130)) / 82));
  expect(spacings.slice(1)).toEqual(expected.slice(0, -1));
  expect(spacings.at(-1)).toBe(7);
});

test("a snapshot reflects exactly the index it is stored under, while later commands are applied", async () => {
  cluster = await Cluster.start(1, small);
  const member = await cluster.leader();
  const { node, journal, storage } = member;
  const [reading, applying] = [new Gate(), new Gate()];
  journal.onSnapshotChunk = reading.pass;
  const apply = journal.apply.bind(journal);
  journal.apply = async (commands) => {
    const results: string[] = [];
    for (const command of commands) {
      results.push(...(await apply([command])));
      await applying.pass();
    }
    return results;
  };
  reading.close();
  await proposeAll(member, letters("abcdefghij"));
  expect(reading.arrivals).toBe(1); // One at a time, however long it takes.
  // The first snapshot is done and another one due while the state machine is between two commands of a batch: not now.
  applying.close();
  const half = Promise.all(letters("klmn").map((text) => node.propose(bytes(text))));
  await settle();
  reading.open();
  await cluster.run(100);
  expect([journal.lines.length, storage.calls.filter((call) => call === "createSnapshot").length]).toEqual([
    11, 1,
  ]);
  applying.open();
  await half;
  await settle();
  expect(storage.calls.filter((call) => call === "createSnapshot")).toHaveLength(2);
  await node.stop();
  await storage.inner.open();
  const stored = await storage.inner.readSnapshot();
  let text = "";
  for await (const chunk of stored?.chunks ?? []) text += new TextDecoder().decode(chunk);
  const indexes = text
    .trim()
    .split("\n")
    .map((line) => Number(line.split(":")[0]));
  expect(indexes).toEqual(Array.from({ length: 14 }, (_, position) => position + 2));
  expect(stored?.meta.lastIncludedIndex).toBe(15);
});

test("a state machine with a disk of its own is not asked to restore what it has", async () => {
  cluster = await Cluster.start(1, small);
  const member = await cluster.leader();
  await proposeAll(member, letters("abcdefg"));
  const { lastApplied } = member.node.status();
  await member.node.stop();
  const next = cluster.make(0, new FaultyStorage(member.storage.inner));
  next.journal.lines = [...member.journal.lines];
  next.journal.opensAt = lastApplied;
  await next.node.start();
  await cluster.leader();
  await next.node.propose(bytes("h"));
  expect(next.journal.restores).toBe(0);
  expect(textsOf(next)).toBe("abcdefgh");
});

test.for(["createSnapshot", "sink.write"] as const)(
  "a full disk at %s: no snapshot, no harm, and another try later",
  async (operation) => {
    cluster = await Cluster.start(1, small);
    const member = await cluster.leader();
    let isFull = true;
    member.storage.before = (current) => {
      if (isFull && current === operation) throw new Error("no space left on device");
    };
    await proposeAll(member, letters("abcdefghij"));
    expect(member.failures).toEqual([]);
    expect(member.node.status().snapshotIndex).toBe(0);
    const tries = member.storage.calls.filter((call) => call === "createSnapshot").length;
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThan(5); // Not with every entry.
    isFull = false;
    await proposeAll(member, letters("klmnop"));
    expect(member.node.status().snapshotIndex).toBeGreaterThan(0);
  },
);

test("a snapshot whose commit fails stops the node", async () => {
  cluster = await Cluster.start(1, small);
  const member = await cluster.leader();
  member.storage.before = (operation) => {
    if (operation === "sink.commit") throw new Error("input/output error");
  };
  await Promise.allSettled(letters("abcdefghij").map((text) => member.node.propose(bytes(text))));
  await settle();
  expect(member.failures).toMatchObject([{ code: "STORAGE_FAILED" }]);
});

/** A server that was away until the leader's log no longer had what it needs. */
async function leaveBehind(cluster: Cluster): Promise<{ leader: Member; away: Member }> {
  const leader = await cluster.leader();
  const [away] = await cluster.followers();
  if (!away) throw new Error("There is no follower.");
  for (const { node } of cluster.members) if (node !== away.node) cluster.network.cut(node.id, away.node.id);
  await proposeAll(leader, letters("abcdefghij"));
  await settle();
  expect(leader.node.status().snapshotIndex).toBeGreaterThan(1);
  return { leader, away };
}

test("a server that was away for too long catches up by the leader's snapshot, and survives a restart with it", async () => {
  cluster = await Cluster.start(3, small);
  const { leader, away } = await leaveBehind(cluster);
  const received: string[] = [];
  away.node.on("snapshot", ({ source }) => received.push(source));
  cluster.network.heal();
  await cluster.until(() => textsOf(away) === "abcdefghij", "it does not catch up");
  expect(away.journal.restores).toBe(1);
  expect(received[0]).toBe("received");
  await cluster.until(() => cluster?.leaders().length === 1, "no leader");
  await proposeAll(await cluster.leader(), ["k"]);
  await cluster.until(() => textsOf(away) === "abcdefghijk", "it does not go on");
  const next = await cluster.restart(away.node.id);
  await cluster.until(() => textsOf(next) === "abcdefghijk", "it does not come back");
  expect(leader.failures).toEqual([]);
});

test("a query is answered from the state it was promised, not from half of the leader's snapshot", async () => {
  cluster = await Cluster.start(3, small);
  const old = await cluster.leader();
  const others = await cluster.followers();
  await proposeAll(old, ["a"]);
  const gate = new Gate();
  gate.close();
  old.journal.onQuery = gate.pass;
  const read = outcomeOf(old.node.read("all"));
  await cluster.until(() => gate.arrivals === 1, "the query does not begin");
  for (const { node } of others) cluster.network.cut(old.node.id, node.id);
  await cluster.until(() => others.some(({ node }) => node.status().role === "leader"), "no successor");
  const next = others.find(({ node }) => node.status().role === "leader") ?? old;
  await proposeAll(next, letters("bcdefghij"));
  cluster.network.heal();
  await cluster.until(() => old.storage.calls.includes("sink.write"), "no snapshot for the old leader");
  await cluster.run(500);
  expect([old.journal.restores, read.state]).toEqual([0, "pending"]);
  gate.open();
  await cluster.until(() => old.journal.restores === 1, "no restore");
  expect(read.state).toBe("fulfilled");
});

test("damage in the stored snapshot stops the leader that reads it, and is not taken for an unreachable peer", async () => {
  cluster = await Cluster.start(3, small);
  const { leader, away } = await leaveBehind(cluster);
  leader.storage.before = (operation) => {
    if (operation === "read chunk") throw new Error("checksum");
  };
  // Only the damaged server and the one that needs its snapshot, so that nobody else can lead.
  cluster.network.heal();
  await cluster.until(() => leader.failures.length > 0 || textsOf(away).length > 0, "nothing happens");
  const wasAsked = leader.storage.calls.includes("read chunk");
  expect(leader.failures.map(({ code }) => code)).toEqual(wasAsked ? ["STORAGE_FAILED"] : []);
  expect(wasAsked).toBe(true);
});

// --- one follower, its leader played by the test

const header = (lastIncludedIndex: number, sequence: number): InstallSnapshot => ({
  type: "installSnapshot",
  from: 1,
  to: 0,
  term: 1,
  sequence,
  lastIncludedIndex,
  lastIncludedTerm: 1,
});

async function startReceiver() {
  const follower = await startFollower(small);
  /** The sequence numbers of the snapshots that were answered. */
  const answers = () =>
    follower.transport.sent.flatMap(({ type, sequence }) =>
      type === "installSnapshotResponse" ? [sequence] : [],
    );
  return { ...follower, answers };
}

/** A snapshot of `text` that counts how often it is read. */
function stream(text: string, between: () => Promise<void> | void = () => {}) {
  const reads = { count: 0 };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    reads.count += 1;
    for (const letter of text) {
      yield bytes(`${letter}\n`);
      await between();
    }
  }
  return { chunks: chunks(), reads };
}

test("a received snapshot is committed before the state is replaced, and answered after both", async () => {
  const { node, storage, journal, receiver, answers } = await startReceiver();
  const order: string[] = [];
  storage.before = (operation) => void order.push(operation);
  journal.onRestore = () => {
    expect(answers()).toEqual([]);
    order.push("restore");
  };
  await receiver.receiveSnapshot(header(5, 2), stream("ab").chunks);
  await settle();
  const expected = ["createSnapshot", "sink.write", "sink.write", "sink.commit", "restore", "readSnapshot"];
  expect(order.filter((step) => step !== "read chunk" && step !== "write")).toEqual(expected);
  expect(answers()).toEqual([2]);
  expect(journal.lines).toEqual(["a", "b"]);
  expect(node.status()).toMatchObject({ snapshotIndex: 5, lastApplied: 5, commitIndex: 5 });
  await node.stop();
});

test("a copy of a snapshot that is being received is not stored again, and is answered when the first one is", async () => {
  const { node, storage, receiver, answers } = await startReceiver();
  const gate = new Gate();
  gate.close();
  const [first, second] = [stream("ab", gate.pass), stream("ab")];
  const receivedFirst = outcomeOf(receiver.receiveSnapshot(header(5, 2), first.chunks));
  const receivedSecond = outcomeOf(receiver.receiveSnapshot(header(5, 3), second.chunks));
  await settle();
  expect([receivedFirst.state, receivedSecond.state, answers()]).toEqual(["pending", "pending", []]);
  gate.open();
  await settle();
  expect([receivedFirst.state, receivedSecond.state]).toEqual(["fulfilled", "fulfilled"]);
  expect([first.reads.count, second.reads.count]).toEqual([1, 0]);
  expect(storage.calls.filter((call) => call === "createSnapshot")).toHaveLength(1);
  expect(answers()).toEqual([2, 3]);
  await node.stop();
});

test("a sender that vanishes changes nothing, gets no answer, and its next try succeeds", async () => {
  const { node, storage, journal, receiver, answers } = await startReceiver();
  const vanished = stream("ab", () => Promise.reject(new Error("connection reset")));
  await expect(receiver.receiveSnapshot(header(5, 2), vanished.chunks)).rejects.toThrow("connection reset");
  await settle();
  expect([answers(), journal.lines, node.status().snapshotIndex, node.status().failure]).toEqual([
    [],
    [],
    0,
    null,
  ]);
  expect(storage.calls).not.toContain("sink.commit");
  await receiver.receiveSnapshot(header(5, 3), stream("ab").chunks);
  await settle();
  expect([answers(), node.status().snapshotIndex]).toEqual([[3], 5]);
  await node.stop();
});

test("a snapshot that is not needed is answered without reading it; one of an old term too", async () => {
  const { node, receiver, answers, transport } = await startReceiver();
  await receiver.receiveSnapshot(header(5, 2), stream("ab").chunks);
  const old = stream("old");
  await receiver.receiveSnapshot(header(4, 3), old.chunks);
  transport.deliver(heartbeat(4, 9));
  await settle();
  const deposed = stream("deposed");
  await receiver.receiveSnapshot(header(8, 5), deposed.chunks);
  await settle();
  expect([old.reads.count, deposed.reads.count]).toEqual([0, 0]);
  expect(answers()).toEqual([2, 3, 5]);
  expect(node.status().snapshotIndex).toBe(5);
  await node.stop();
});

test("a snapshot whose sender is deposed while it is being stored is thrown away", async () => {
  const { node, storage, receiver, transport, journal } = await startReceiver();
  const gate = new Gate();
  gate.close();
  const received = outcomeOf(receiver.receiveSnapshot(header(5, 2), stream("ab", gate.pass).chunks));
  await settle();
  transport.deliver(heartbeat(3, 9));
  await settle();
  gate.open();
  await settle();
  expect(received.state).toBe("fulfilled");
  expect(storage.calls).not.toContain("sink.commit");
  expect([journal.lines, node.status().snapshotIndex]).toEqual([[], 0]);
  await node.stop();
});

test("a received snapshot waits for the write under way, whose entries it may cover", async () => {
  const { node, storage, receiver, transport, answers } = await startReceiver();
  const gate = new Gate();
  gate.close();
  storage.before = (operation) => (operation === "write" ? gate.pass() : undefined);
  const entries = [{ index: 1, term: 1, command: bytes("x") }];
  transport.deliver({ ...heartbeat(2), entries });
  await settle();
  const received = outcomeOf(receiver.receiveSnapshot(header(5, 3), stream("ab").chunks));
  await settle();
  expect(storage.calls).not.toContain("sink.commit");
  gate.open();
  await settle();
  expect([received.state, node.status().failure, answers()]).toEqual(["fulfilled", null, [3]]);
  await node.stop();
  expect(await storage.inner.open()).toMatchObject({ snapshot: { lastIncludedIndex: 5 }, entries: [] });
});

test("a received snapshot that waits for a write is not committed if that write fails: what the disk holds is unknown", async () => {
  const { node, storage, receiver, transport, answers } = await startReceiver();
  const gate = new Gate();
  gate.close();
  storage.before = async (operation) => {
    if (operation !== "write") return;
    await gate.pass();
    throw new Error("input/output error");
  };
  transport.deliver({ ...heartbeat(2), entries: [{ index: 1, term: 1, command: bytes("x") }] });
  await settle();
  const received = outcomeOf(receiver.receiveSnapshot(header(5, 3), stream("ab").chunks));
  await settle();
  gate.open();
  await settle();
  expect(received).toMatchObject({ state: "rejected", error: { code: "STOPPED" } });
  expect(node.status().failure).toMatchObject({ code: "STORAGE_FAILED" });
  expect(storage.calls).not.toContain("sink.commit");
  expect(answers()).toEqual([]);
  await node.stop();
});

test("a received snapshot waits for the apply under way, and replaces what that did", async () => {
  const { node, receiver, transport, journal } = await startReceiver();
  const gate = new Gate();
  gate.close();
  journal.onApply = gate.pass;
  transport.deliver({
    ...heartbeat(2),
    entries: [{ index: 1, term: 1, command: bytes("x") }],
    leaderCommit: 1,
  });
  await settle();
  expect(gate.arrivals).toBe(1);
  const received = outcomeOf(receiver.receiveSnapshot(header(5, 3), stream("ab").chunks));
  await settle();
  expect([journal.restores, received.state]).toEqual([0, "pending"]);
  gate.open();
  await settle();
  expect([journal.lines, received.state]).toEqual([["a", "b"], "fulfilled"]);
  expect(node.status()).toMatchObject({ lastApplied: 5, failure: null });
  await node.stop();
});

test("the own snapshot under way gives way to the leader's", async () => {
  const { node, storage, receiver, transport, journal } = await startReceiver();
  const gate = new Gate();
  gate.close();
  journal.onSnapshotChunk = gate.pass;
  const entries = letters("abcdef").map((text, position) => ({
    index: position + 1,
    term: 1,
    command: bytes(text),
  }));
  transport.deliver({ ...heartbeat(2), entries, leaderCommit: 6 });
  await settle();
  expect(gate.arrivals).toBe(1);
  const received = outcomeOf(receiver.receiveSnapshot(header(9, 3), stream("abc").chunks));
  await settle();
  gate.open();
  await settle();
  expect(received.state).toBe("fulfilled");
  expect(storage.calls.filter((call) => call === "sink.commit")).toHaveLength(1);
  expect(node.status()).toMatchObject({ snapshotIndex: 9, lastApplied: 9, failure: null });
  // And from there on it takes its own again.
  const more = letters("ghijkl").map((text, position) => ({
    index: position + 10,
    term: 1,
    command: bytes(text),
  }));
  transport.deliver({ ...heartbeat(4), prevLogIndex: 9, prevLogTerm: 1, entries: more, leaderCommit: 15 });
  await settle();
  expect(node.status()).toMatchObject({ snapshotIndex: 15, lastApplied: 15 });
  await node.stop();
});

test.for(["sink.commit", "readSnapshot", "read chunk"] as const)(
  "a storage that fails at %s while a snapshot is installed stops the node",
  async (operation) => {
    const { node, storage, receiver, transport, answers } = await startReceiver();
    storage.before = (current) => {
      if (current === operation) throw new Error("input/output error");
    };
    await expect(receiver.receiveSnapshot(header(5, 2), stream("ab").chunks)).rejects.toThrow("stopped");
    await settle();
    expect(node.status()).toMatchObject({ phase: "failed", failure: { code: "STORAGE_FAILED" } });
    expect([answers(), transport.stops]).toEqual([[], 1]);
    await node.stop();
  },
);

test("a state machine that ignores damage in the snapshot it is restored from does not go on with half a state", async () => {
  const { node, storage, journal, receiver } = await startReceiver();
  const restore = journal.restore.bind(journal);
  journal.restore = (chunks) => restore(chunks).catch(() => {});
  storage.before = (current) => {
    if (current === "read chunk") throw new Error("checksum");
  };
  await expect(receiver.receiveSnapshot(header(5, 2), stream("ab").chunks)).rejects.toThrow("stopped");
  expect(node.status()).toMatchObject({ phase: "failed", failure: { code: "STORAGE_FAILED" } });
  await node.stop();
});

test("a state machine that rejects a restore stops the node", async () => {
  const { node, journal, receiver, answers } = await startReceiver();
  journal.onRestore = () => Promise.reject(new Error("not my format"));
  await expect(receiver.receiveSnapshot(header(5, 2), stream("ab").chunks)).rejects.toThrow("stopped");
  expect(node.status()).toMatchObject({ phase: "failed", failure: { code: "STATE_MACHINE_FAILED" } });
  expect(answers()).toEqual([]);
  await node.stop();
});

test("a snapshot delivered as a plain message is dropped: there is no data behind it", async () => {
  const { node, transport } = await startReceiver();
  transport.deliver(header(5, 2));
  await settle();
  expect(node.status()).toMatchObject({ phase: "running", snapshotIndex: 0, commitIndex: 0 });
  await node.stop();
});

test("stop breaks off a snapshot being received; the storage keeps what it had", async () => {
  const { node, storage, receiver } = await startReceiver();
  const gate = new Gate();
  gate.close();
  const received = outcomeOf(receiver.receiveSnapshot(header(5, 2), stream("ab", gate.pass).chunks));
  await settle();
  await node.stop();
  const calls = storage.calls.length;
  gate.open();
  await settle();
  expect([received.state, storage.calls.length]).toEqual(["rejected", calls]);
  await expect(receiver.receiveSnapshot(header(5, 3), stream("ab").chunks)).rejects.toThrow("stopped");
  expect(await storage.inner.open()).toMatchObject({ snapshot: null });
});
