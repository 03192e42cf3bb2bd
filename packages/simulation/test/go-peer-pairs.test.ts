import { expect, test } from "vitest";
import { GoNode } from "../src/go-peer/index.ts";
import { BareCore, goDisk, goLeader, serve, type Terms, written } from "./go-peer-cluster/pair.ts";
import { Machine } from "./go-peer-cluster/machine.ts";

const MAX_ENTRIES = 4;
const MAX_TERM = 3;

/** Every log that a run of Raft could leave: terms never decrease. */
function allLogs(): Terms[] {
  const logs: Terms[] = [[]];
  for (const log of logs) {
    if (log.length === MAX_ENTRIES) continue;
    for (let term = log.at(-1) ?? 1; term <= MAX_TERM; term += 1) logs.push([...log, term]);
  }
  return logs;
}

/** Every two logs that one run could leave: where index and term agree, all before agrees (Log Matching, 3.6.3). */
function allPairs(): [Terms, Terms][] {
  const logs = allLogs();
  return logs.flatMap((one) =>
    logs.filter((other) => areMatching(one, other)).map((other): [Terms, Terms] => [one, other]),
  );
}

function areMatching(one: Terms, other: Terms): boolean {
  const last = one.findLastIndex((term, at) => term === other[at]);
  return one.slice(0, last).every((term, at) => term === other[at]);
}

test("a Go leader brings our follower's log into line with its own, whatever both are, and survives our answers", () => {
  const pairs = allPairs();
  expect(pairs.length).toBeGreaterThan(300);
  for (const [ours, theirs] of pairs) {
    const core = new BareCore({ term: MAX_TERM, terms: ours });
    const peer = goLeader({ term: MAX_TERM + 1, terms: theirs });
    peer.propose(Uint8Array.of(1));
    for (let round = 0; round < 2 * MAX_ENTRIES; round += 1) {
      serve(peer, 1, core);
      peer.heartbeatTimerFired();
    }
    const { lastLogIndex, lastLogTerm, commitIndex } = core.raft.inspect();
    const name = `ours ${ours.join()}, theirs ${theirs.join()}`;
    expect({ lastLogIndex, lastLogTerm, commitIndex }, `with ${name}`).toEqual({
      lastLogIndex: theirs.length + 1,
      lastLogTerm: MAX_TERM + 1,
      commitIndex: theirs.length + 1,
    });
    expect(written(core.applied), `with ${name}`).toBe(written(peer.inspect().log.slice(1)));
  }
});

test("our leader brings a Go follower's log into line with its own, whatever both are, and never has it commit anything else", () => {
  for (const [ours, theirs] of allPairs()) {
    const core = new BareCore({ term: MAX_TERM, terms: ours }, { noop: Uint8Array.of(1) });
    const node = new GoNode({ id: 1, size: 3, seed: 1, service: new Machine() });
    const setup = { term: MAX_TERM, terms: theirs };
    node.disk.saveState(goDisk(setup).readState() ?? { term: 0, votedFor: -1, log: [] });
    node.start(0);
    core.lead();
    const right = [...ours, MAX_TERM + 1].map((term, at) => ({ index: at + 1, term }));
    const name = `ours ${ours.join()}, theirs ${theirs.join()}`;
    for (let round = 0; round < 4 * MAX_ENTRIES; round += 1) {
      for (const message of core.take()) node.receive(message);
      const committed = node.inspect()?.log.slice(1, (node.inspect()?.commitIndex ?? 0) + 1) ?? [];
      expect(written(committed), `with ${name}`).toBe(written(right.slice(0, committed.length)));
      for (const { message } of node.drain()) core.step({ type: "receive", message });
      core.tick();
    }
    expect(written(node.inspect()?.log.slice(1) ?? []), `with ${name}`).toBe(written(right));
    expect(node.inspect()?.commitIndex, `with ${name}`).toBe(right.length);
  }
});
