import { expect, test } from "vitest";
import { Cluster } from "../harness/cluster.ts";
import type { NodeId } from "@eraft/core";
import { success } from "../harness/messages.ts";
import { Solo } from "../harness/solo.ts";

test("entries of an earlier term are never committed by counting copies", () => {
  const leader = new Solo({ log: [1, 2, 2], size: 5 }).lead();
  const { sequence } = leader.lastAppend();
  for (const from of [1, 2, 3]) leader.receive(success(3, { term: 3, from, sequence }));
  expect(leader.state.commitIndex).toBe(0);
  // One of its own term on a majority commits all before it.
  for (const from of [1, 2]) leader.receive(success(4, { term: 3, from, sequence }));
  expect(leader.state.commitIndex).toBe(4);
});

test("a leader opens its term with a no-op, which commits what earlier leaders left", () => {
  const cluster = new Cluster(3);
  cluster.elect(0);
  const free = cluster.block(({ type }) => type === "appendEntriesResponse");
  cluster.propose(0, "left over");
  cluster.settle();
  cluster.crash(0);
  free();
  cluster.elect(1);
  cluster.run(4, [1, 2]);
  expect(cluster.applied(2)).toEqual(["left over"]);
  expect(cluster.state(1)).toMatchObject({ commitIndex: 3, lastLogTerm: 2 });
});

test("the opening command can be configured, for servers whose state machine sees every entry", () => {
  const noop = new Uint8Array([1, 2, 3]);
  const leader = new Solo({ size: 1, config: { noop } }).lead();
  expect(leader.node.disk.entries).toEqual([{ index: 1, term: 1, command: noop }]);
});

test("Figure 3.7 (Figure 8 of the paper): an entry of term 2 on a majority is not committed, and may be overwritten", () => {
  // One entry per message, so that the leader of term 4 can get its term 2 entry across without its own.
  const cluster = new Cluster(5, { maxAppendBytes: 1 });
  const [s1, s2, s3, s4, s5] = [0, 1, 2, 3, 4] as const;
  // A common beginning: term 1.
  cluster.elect(s1);
  cluster.run(4);
  cluster.crash(s1);
  cluster.restart(s1);

  // (a) S1 leads term 2 and replicates index 2 to S2 only. (S4 and S5 vote, but get no entries.)
  cluster.block((m) => m.type === "appendEntries" && m.to >= s3);
  cluster.elect(s1);
  expect(cluster.logs()).toEqual([[1, 2], [1, 2], [1], [1], [1]]);

  // (b) S1 crashes; S5 is elected for term 3 by S3, S4 and itself, and takes another entry at index 2.
  cluster.crash(s1);
  cluster.network.heal();
  cluster.isolate(s2);
  cluster.block((m) => m.type === "appendEntries" && m.from === s5);
  cluster.elect(s5);
  expect(cluster.logs()).toEqual([[1, 2], [1, 2], [1], [1], [1, 3]]);

  // (c) S5 crashes; S1 restarts, is elected for term 4 and goes on replicating: its term 2 entry reaches a majority.
  cluster.crash(s5);
  cluster.network.heal();
  cluster.restart(s1);
  // Its own term 4 entry goes nowhere.
  cluster.block(
    (m) => m.type === "appendEntries" && (m.to === s4 || m.entries.some(({ term }) => term >= 4)),
  );
  electAtLast(cluster, s1);
  cluster.run(6, [s1]);
  expect(cluster.state(s1).peers.get(s2)?.matchIndex).toBe(2);
  expect(cluster.state(s1).peers.get(s3)?.matchIndex).toBe(2);
  expect(cluster.logs().map((log) => log.slice(0, 2))).toEqual([[1, 2], [1, 2], [1, 2], [1], [1, 3]]);
  // (It restarted, and a commit index is not stored.)
  expect(cluster.state(s1).commitIndex).toBe(0);

  // (d) S1 crashes; S5 restarts and is elected by S2, S3 and S4: its term 3 beats their term 2. Index 2 is overwritten everywhere.
  cluster.crash(s1);
  cluster.network.heal();
  cluster.network.drop(() => true);
  cluster.restart(s5);
  electAtLast(cluster, s5);
  cluster.run(8, [s2, s3, s4, s5]);
  cluster.restart(s1);
  cluster.run(8);
  const final = cluster.logs();
  for (const log of final) expect(log.slice(0, 2)).toEqual([1, 3]);
});

/** Elects `id`, which may have to catch up with the terms of the others first. */
function electAtLast(cluster: Cluster, id: NodeId): void {
  for (let election = 0; cluster.state(id).role !== "leader"; election += 1) {
    expect(election).toBeLessThan(10);
    cluster.campaign(id);
    cluster.settle();
  }
}
