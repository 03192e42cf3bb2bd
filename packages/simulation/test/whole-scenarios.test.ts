import { expect, test } from "vitest";
import { runWhole, type Situation, type WholePlan, type WholeResult } from "@eraft/simulation";

/** Three servers to whom nothing happens. */
function calm(plan: WholePlan): WholePlan {
  return {
    ...plan,
    size: 3,
    members: {
      spares: 0,
      identifies: false,
      changeEveryMs: Infinity,
      transferEveryMs: Infinity,
      neglect: 0,
    },
    node: {
      heartbeatMs: 100,
      electionTimeoutMs: 500,
      snapshotBytes: 500,
      maxPendingRequests: 10_000,
      maxAppendBytes: 1 << 20,
      maxInflightAppends: 4,
      maxInflightBytes: 1 << 20,
      preVote: true,
      hasLeases: false,
      maxUncommittedBytes: 1 << 20,
      retainedBytes: 0,
      timeLimitMs: 500,
      applyMsMean: 0,
      ownDisk: false,
      writeDelayMs: 0,
    },
    network: {
      delayMsMin: 1,
      delayMsMean: 2,
      tail: 0,
      tailFactor: 1,
      loss: 0,
      duplication: 0,
      partitionEveryMs: Infinity,
      partitionForMs: 1000,
      oneWay: false,
      clogEveryMs: Infinity,
      clogForMs: 1000,
      hints: 0.5,
    },
    snapshots: { cut: 0, repeated: 0, timeoutMs: 3000 },
    disk: {
      writeMsMean: 1,
      failEveryMs: Infinity,
      fullEveryMs: Infinity,
      fullForMs: 500,
      slowEveryMs: Infinity,
      slowForMs: 500,
      hangEveryMs: Infinity,
      hangForMs: 1500,
      keeps: 0.5,
      flipBits: false,
      wipe: false,
      replaceEveryMs: Infinity,
    },
    process: {
      crashEveryMs: Infinity,
      downForMs: 200,
      crashAtBoundary: 0,
      stopEveryMs: Infinity,
      pauseEveryMs: Infinity,
      pauseForMs: 700,
      drift: 0,
    },
    workload: {
      callers: 4,
      registerCallers: 2,
      sharesClient: true,
      keys: 2,
      thinkMsMean: 20,
      reads: 0.3,
      leaseReads: 0,
      staleReads: 0,
      attemptTimeoutMs: 300,
      deadlineMs: 3000,
      loss: 0,
      delayMsMean: 1,
      tail: 0,
    },
  };
}

type Change = {
  readonly [Part in "members" | "node" | "network" | "snapshots" | "disk" | "process" | "workload"]?: Partial<
    WholePlan[Part]
  >;
};

/** Runs some seeds on the calm plan with one change. Returns how often each situation was met. */
async function runWith(change: Change, events = 3000, seeds = [1, 2, 3, 4]): Promise<Map<Situation, number>> {
  const met = new Map<Situation, number>();
  for (const seed of seeds) {
    const { coverage } = await runWhole({ seed, events, adjust: (plan) => changed(calm(plan), change) });
    for (const [situation, times] of coverage.counts()) met.set(situation, (met.get(situation) ?? 0) + times);
  }
  return met;
}

function changed(plan: WholePlan, change: Change): WholePlan {
  return {
    ...plan,
    members: { ...plan.members, ...change.members },
    node: { ...plan.node, ...change.node },
    network: { ...plan.network, ...change.network },
    snapshots: { ...plan.snapshots, ...change.snapshots },
    disk: { ...plan.disk, ...change.disk },
    process: { ...plan.process, ...change.process },
    workload: { ...plan.workload, ...change.workload },
  };
}

test("where nothing goes wrong, every call is answered, by one leader", async () => {
  const result: WholeResult = await runWhole({ seed: 1, events: 4000, adjust: calm });
  expect(result.unknown).toBe(0);
  expect(result.writes).toBeGreaterThan(50);
  expect(result.coverage.counts().get("elected")).toBe(1);
  expect(result.coverage.counts().get("certainlyNotDone")).toBe(0);
  expect(result.coverage.counts().get("localSnapshot")).toBeGreaterThan(3);
});

test("a write that the disk refuses once stops its server for good, and the next life goes on from what survived", async () => {
  const met = await runWith({ disk: { failEveryMs: 400 } });
  expect(met.get("writeFailed")).toBeGreaterThan(10);
  expect(met.get("readFailed")).toBeGreaterThan(0);
  expect(met.get("restart")).toBeGreaterThan(10);
});

test("a server with a full disk fails as often as it is started, until there is space again", async () => {
  const met = await runWith({ disk: { fullEveryMs: 700, fullForMs: 900 } });
  expect(met.get("diskFull")).toBeGreaterThan(5);
  expect(met.get("writeFailed")).toBeGreaterThan(5);
});

test("a disk that hangs or is slow costs time and nothing else", async () => {
  const met = await runWith({ disk: { hangEveryMs: 800, slowEveryMs: 800 } });
  expect(met.get("diskHung")).toBeGreaterThan(5);
  expect(met.get("diskSlow")).toBeGreaterThan(5);
});

test("a flipped bit keeps one server down for ever, a lost disk likewise, and the others serve", async () => {
  const met = await runWith({ disk: { flipBits: true, wipe: true } }, 6000);
  expect((met.get("bitFlipped") ?? 0) + (met.get("diskWiped") ?? 0)).toBe(4);
});

test("writes whose answers get lost are sent again, committed again, and done once", async () => {
  const met = await runWith({ workload: { loss: 0.3, attemptTimeoutMs: 100 } });
  expect(met.get("duplicateCommitted")).toBeGreaterThan(20);
});

test("the sessions come along in snapshots: retries are recognised by servers that were restored", async () => {
  const met = await runWith(
    {
      workload: { loss: 0.3, attemptTimeoutMs: 100 },
      process: { crashEveryMs: 500, stopEveryMs: 700 },
      node: { snapshotBytes: 200 },
    },
    4000,
  );
  expect(met.get("duplicateCommitted")).toBeGreaterThan(20);
  expect(met.get("localSnapshot")).toBeGreaterThan(20);
});

test("snapshots that break off, time out, come twice or come late install a state or leave it alone", async () => {
  const met = await runWith(
    {
      network: { partitionEveryMs: 600, partitionForMs: 500, loss: 0.02 },
      snapshots: { cut: 0.3, repeated: 0.5, timeoutMs: 12 },
      node: { snapshotBytes: 200 },
    },
    5000,
  );
  expect(met.get("receivedSnapshot")).toBeGreaterThan(1);
  expect(met.get("snapshotCut")).toBeGreaterThan(1);
  expect(met.get("snapshotTimedOutButInstalled")).toBeGreaterThan(0);
  expect(met.get("snapshotRepeated")).toBeGreaterThan(0);
});

test("a crash while a snapshot is being stored leaves the one before, and the whole log", async () => {
  const met = await runWith({
    node: { snapshotBytes: 150 },
    disk: { writeMsMean: 10 },
    process: { crashEveryMs: 150, downForMs: 60 },
  });
  expect(met.get("crashLostSnapshot")).toBeGreaterThan(1);
  expect(met.get("localSnapshot")).toBeGreaterThan(10);
});

test("paused processes wake up to a burst of timers and messages, and no read is stale", async () => {
  const met = await runWith(
    { process: { pauseEveryMs: 500, pauseForMs: 900 }, workload: { reads: 0.6 } },
    4000,
  );
  expect(met.get("paused")).toBeGreaterThan(20);
  expect(met.get("elected")).toBeGreaterThan(4);
});

test("a stale leader behind one-way cuts answers nobody with what it used to be", async () => {
  const met = await runWith(
    {
      network: { partitionEveryMs: 500, partitionForMs: 1500, oneWay: true },
      workload: { reads: 0.7, thinkMsMean: 150 },
    },
    5000,
  );
  expect(met.get("elected")).toBeGreaterThan(5);
});

test("servers that are stopped and started all the time answer every call or say that they do not know", async () => {
  const met = await runWith({ process: { stopEveryMs: 250, downForMs: 50 } }, 4000);
  expect(met.get("gracefulStop")).toBeGreaterThan(40);
});

test("a crash at any storage operation or message of the beginning loses nothing that was acknowledged", async () => {
  const starts = 60;
  const met = new Map<Situation, number>();
  for (let crashAt = 1; crashAt <= starts; crashAt += 1) {
    const { coverage } = await runWhole({
      seed: 5,
      events: 500,
      crashAt,
      adjust: (plan) => changed(calm(plan), { node: { snapshotBytes: 100 } }),
    });
    expect(coverage.counts().get("crashAtBoundary")).toBe(1);
    for (const [situation, times] of coverage.counts()) met.set(situation, (met.get(situation) ?? 0) + times);
  }
  expect(met.get("crashWhileStarting")).toBeGreaterThan(5);
});

test("members come and go, and every call is answered all the while", async () => {
  const met = await runWith({ members: { spares: 4, changeEveryMs: 150, transferEveryMs: 800 } }, 8000);
  expect(met.get("membersChanged")).toBeGreaterThan(8);
  expect(met.get("changeRefused")).toBeGreaterThan(10);
  expect(met.get("leadershipTransferred")).toBeGreaterThan(4);
  expect(met.get("receivedSnapshot")).toBeGreaterThan(3);
});

test("servers that are cut off, crash or stop in the middle of a change leave it to others to bring it to its end", async () => {
  const met = await runWith(
    {
      members: { spares: 4, changeEveryMs: 150, transferEveryMs: 500, neglect: 0.5 },
      network: { partitionEveryMs: 500, partitionForMs: 800 },
      process: { crashEveryMs: 600, stopEveryMs: 900 },
    },
    6000,
  );
  expect(met.get("changeUnknown")).toBeGreaterThan(3);
  expect(met.get("changePending")).toBeGreaterThan(4);
  expect(met.get("transferFailed")).toBeGreaterThan(3);
});

test("a server whose disk is lost comes back as one that joins, and gets its vote back", async () => {
  const met = await runWith({ members: { identifies: true }, disk: { replaceEveryMs: 900 } }, 9000);
  expect(met.get("diskReplaced")).toBeGreaterThan(8);
  expect(met.get("introductionRefused")).toBeGreaterThan(8);
  expect(met.get("joinedCluster")).toBe(met.get("diskReplaced"));
  expect(met.get("replacedDiskVotes")).toBeGreaterThan(4);
});

test("reads by a lease are never old, however long processes stand still and whoever is cut off", async () => {
  const met = await runWith(
    {
      node: { hasLeases: true },
      network: { partitionEveryMs: 700, partitionForMs: 900 },
      process: { pauseEveryMs: 600, pauseForMs: 900, drift: 0.1 },
      members: { transferEveryMs: 900 },
      workload: { reads: 0.7, leaseReads: 1 },
    },
    6000,
  );
  expect(met.get("leaseRead")).toBeGreaterThan(50);
  expect(met.get("elected")).toBeGreaterThan(10);
});

test("followers answer reads as new as the leader's, and stale ones that are not wrong", async () => {
  const met = await runWith({
    network: { partitionEveryMs: 700, partitionForMs: 500 },
    workload: { reads: 0.7, staleReads: 0.3, loss: 0.05 },
  });
  expect(met.get("readAtFollower")).toBeGreaterThan(50);
  expect(met.get("staleRead")).toBeGreaterThan(50);
});
