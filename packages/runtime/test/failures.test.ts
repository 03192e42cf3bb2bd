import { afterEach, expect, test } from "vitest";
import {
  OutcomeUnknownError,
  StateMachineFailedError,
  StorageFailedError,
  TransportFailedError,
} from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { Cluster, type Member } from "./support/cluster.ts";
import { FaultyStorage, type Operation } from "./support/faulty-storage.ts";
import { outcomeOf } from "./support/gate.ts";
import { bytes } from "./support/journal.ts";
import { settle } from "./support/manual-clock.ts";

let cluster: Cluster;
afterEach(() => cluster.stop());

const broken = new Error("input/output error");

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : "OK";
}

function failAt(storage: FaultyStorage, operation: Operation, nth = 1): void {
  let count = 0;
  storage.before = (current) => {
    if (current === operation && (count += 1) >= nth) throw broken;
  };
}

/** The node has failed for good: it says so, does nothing any more, and lets go of its storage when it is stopped. */
async function expectFailed(member: Member, code: string): Promise<void> {
  const { node, failures, storage } = member;
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatchObject({ code, cause: expect.any(Error), retry: "elsewhere" });
  expect(node.status()).toMatchObject({ phase: "failed", role: null, leaderId: null, failure: failures[0] });
  const { journal } = member;
  const applied = [...journal.lines];
  await expect(node.propose(bytes("afterwards"))).rejects.toBe(failures[0]);
  await expect(node.read("all")).rejects.toBe(failures[0]);
  const calls = storage.calls.length;
  await cluster.run(5000);
  expect(journal.lines).toEqual(applied);
  expect(storage.calls).toHaveLength(calls);
  expect(failures).toHaveLength(1);
  expect(node.status().pendingRequests).toBe(0);
  await node.stop();
  await storage.inner.open();
  await storage.inner.close();
}

test.for([1, 2, 3, 4, 5, 6, 7, 8])(
  "alone, with write %i failing: every promise settles, and none with a success it does not have",
  async (nth) => {
    cluster = await Cluster.start(1);
    const member = cluster.member(0);
    const { node, storage } = member;
    failAt(storage, "write", nth);
    const proposals = [];
    for (let round = 0; round < 12; round += 1) {
      const command = `c${round}`;
      proposals.push({
        command,
        outcome: outcomeOf(node.propose(bytes(command))),
        read: outcomeOf(node.read("all")),
      });
      await cluster.run(25);
    }
    expect(cluster.clock.pendingTimers).toBe(0);
    await expectFailed(member, "STORAGE_FAILED");
    const { entries } = await storage.inner.open();
    await storage.inner.close();
    const stored = new Set(entries.map(({ command }) => new TextDecoder().decode(command)));
    for (const { command, outcome, read } of proposals) {
      expect([outcome.state, read.state]).not.toContain("pending");
      // Acknowledged means stored, and not stored means an error.
      expect(stored.has(command)).toBe(outcome.state === "fulfilled");
      expect(["OK", "NOT_LEADER", "STORAGE_FAILED", "OUTCOME_UNKNOWN"]).toContain(codeOf(outcome.error));
    }
    expect(proposals.map(({ outcome }) => codeOf(outcome.error))).toContain(
      nth <= 2 ? "NOT_LEADER" : "OUTCOME_UNKNOWN",
    );
  },
);

test.for([1, 2, 3, 4, 5, 6])(
  "of three, the leader's write %i fails: nothing leaves it, and another one leads",
  async (nth) => {
    cluster = await Cluster.start(3);
    const leader = await cluster.leader();
    failAt(leader.storage, "write", nth);
    const outcomes = [];
    for (let round = 0; round < nth; round += 1) {
      outcomes.push(outcomeOf(leader.node.propose(bytes(`c${round}`))));
      await settle();
    }
    await cluster.until(() => leader.failures.length > 0, "no failure");
    expect(outcomes.map(({ state }) => state)).not.toContain("pending");
    await cluster.until(() => cluster.leaders().length === 1, "no successor");
    await expectFailed(leader, "STORAGE_FAILED");
    const next = await cluster.leader();
    const lines = await cluster.await(next.node.read("all"));
    for (const [round, { state }] of outcomes.entries()) {
      // What was acknowledged is there for ever. What was not may be there or not.
      expect(state === "rejected" || lines.includes(`:c${round}`)).toBe(true);
    }
  },
);

test("a storage that fails while proposals wait: those in the log are unknown, those not yet in it surely not done", async () => {
  cluster = await Cluster.start(1);
  const { node, storage } = await cluster.leader();
  const fail = Promise.withResolvers<void>();
  storage.before = () => fail.promise;
  const inTheLog = outcomeOf(node.propose(bytes("a")));
  const read = outcomeOf(node.read("all"));
  await settle();
  let late: ReturnType<typeof outcomeOf> | undefined;
  node.on("failure", () => {
    late = outcomeOf(node.propose(bytes("b")));
  });
  fail.reject(broken);
  await settle();
  expect(inTheLog.error).toBeInstanceOf(OutcomeUnknownError);
  expect(inTheLog.error).toMatchObject({ cause: expect.any(StorageFailedError) });
  expect(read.state).not.toBe("pending");
  expect(late?.error).toBeInstanceOf(StorageFailedError);
});

test("a storage that cannot be opened refuses the start, and is not closed under whoever has it", async () => {
  cluster = await Cluster.start(1);
  const { node, storage } = await cluster.leader();
  const intruder = cluster.make(0, new FaultyStorage(storage.inner));
  await expect(intruder.node.start()).rejects.toThrow(StorageFailedError);
  await expect(intruder.node.start()).rejects.toMatchObject({
    code: "STORAGE_FAILED",
    cause: expect.any(Error),
  });
  expect(intruder.failures).toHaveLength(1);
  await intruder.node.stop();
  expect(intruder.storage.closes).toBe(0);
  expect(await node.propose(bytes("a"))).toBe("2:a");
  await node.stop();
});

test("a state machine that rejects stops the node; the proposals of the batch are unknown", async () => {
  cluster = await Cluster.start(1);
  const leader = await cluster.leader();
  leader.journal.onApply = () => Promise.reject(broken);
  const error = await leader.node.propose(bytes("a")).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(OutcomeUnknownError);
  expect(error).toMatchObject({ cause: expect.any(StateMachineFailedError) });
  await expectFailed(leader, "STATE_MACHINE_FAILED");
});

test("a state machine that gives the wrong number of results stops the node", async () => {
  cluster = await Cluster.start(1);
  const leader = await cluster.leader();
  leader.journal.apply = () => Promise.resolve([]);
  await expect(leader.node.propose(bytes("a"))).rejects.toThrow(OutcomeUnknownError);
  expect(leader.failures[0]?.message).toMatch("0 results for 1 commands");
});

test("a state machine that throws instead of giving a view stops the node", async () => {
  cluster = await Cluster.start(1, { snapshotBytes: 1 });
  const member = cluster.member(0);
  let written = 0;
  member.journal.snapshot = () => {
    written = member.storage.calls.length;
    throw broken;
  };
  // In the inbox together with what brings the snapshot.
  const late: ReturnType<typeof outcomeOf>[] = [];
  member.node.on("commit", () => late.push(outcomeOf(member.node.propose(bytes("late")))));
  await cluster.until(() => member.failures.length > 0, "no failure");
  expect(late).toMatchObject([{ state: "rejected" }]);
  expect(member.storage.calls).toHaveLength(written);
  await expectFailed(member, "STATE_MACHINE_FAILED");
});

test.for(["open", "restore"] as const)(
  "a state machine that rejects %s refuses the start",
  async (operation) => {
    cluster = await Cluster.start(1);
    const storage = new MemoryStorage();
    await storage.open();
    await (await storage.createSnapshot({ lastIncludedIndex: 3, lastIncludedTerm: 1 })).commit();
    await storage.close();
    await cluster.member(0).node.stop();
    const { node, journal, failures } = cluster.make(0, new FaultyStorage(storage));
    if (operation === "open") journal.open = () => Promise.reject(broken);
    else journal.onRestore = () => Promise.reject(broken);
    await expect(node.start()).rejects.toThrow(StateMachineFailedError);
    expect(failures).toHaveLength(1);
    await storage.open(); // It was let go of.
  },
);

test("a state machine that is ahead of the log does not belong to this storage", async () => {
  cluster = await Cluster.start(1);
  await cluster.member(0).node.stop();
  const { node, journal } = cluster.make(0);
  journal.opensAt = 7;
  await expect(node.start()).rejects.toThrow("it reflects entry 7, but the storage's log ends at 0");
});

test("a transport that cannot start refuses the start and gives the storage back", async () => {
  cluster = await Cluster.start(2);
  const { storage } = cluster.member(1);
  await cluster.member(1).node.stop();
  // Server 0 is on this network already.
  const { node, failures } = cluster.make(0, new FaultyStorage(storage.inner));
  await expect(node.start()).rejects.toThrow(TransportFailedError);
  expect(failures).toHaveLength(1);
  await storage.inner.open();
});

test("a start that fails says why, also if the storage cannot be closed either", async () => {
  cluster = await Cluster.start(1);
  await cluster.member(0).node.stop();
  const { node, journal, storage } = cluster.make(0);
  journal.opensAt = 7;
  storage.close = () => Promise.reject(new Error("close: input/output error"));
  await expect(node.start()).rejects.toBeInstanceOf(StateMachineFailedError);
  expect(node.status().failure).toMatchObject({ code: "STATE_MACHINE_FAILED" });
});

test("stored state that contradicts itself refuses the start", async () => {
  cluster = await Cluster.start(1);
  const { node, storage } = cluster.make(0);
  storage.open = async () => {
    await storage.inner.open();
    const entry = { index: 1, term: 5, command: bytes("a") };
    return { hardState: { term: 1, votedFor: null }, snapshot: null, entries: [entry] };
  };
  await expect(node.start()).rejects.toMatchObject({ code: "INVARIANT_BROKEN" });
});
