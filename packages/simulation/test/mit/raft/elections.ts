import { ELECTION_MS } from "../../../src/scenario/index.ts";
import { mustHold } from "../../../src/violation.ts";
import { type MitScenario, raftScenario, range } from "../mit-scenario.ts";

const initialElection = raftScenario("TestInitialElection2A", { nodes: 3 }, (s) => {
  const leader = s.checkOneLeader();
  // The leader's first heartbeat has told everybody of the term.
  s.runFor(50);
  const term = s.checkTerms();
  mustHold(term >= 1, "Term", () => `the term is ${term}`);
  s.runFor(2 * ELECTION_MS);
  // The original only warns here: on wall-clock time a busy machine can cost a leader its term. Virtual time has no such excuse.
  mustHold(s.checkTerms() === term, "Stable Leader", () => `term ${term} ended without a fault`);
  mustHold(s.checkOneLeader() === leader, "Stable Leader", () => "another leader in the same term");
});

const reElection = raftScenario("TestReElection2A", { nodes: 3 }, (s) => {
  const first = s.checkOneLeader();
  s.disconnect(first);
  const second = s.checkOneLeader();
  mustHold(second !== first, "Re-Election", () => "the leader was not replaced");
  const { term } = s.inspect(second);

  // The original wants the old leader to rejoin without disturbing the new one. Ours has stepped down, as it heard from no majority (6.2), and stands for
  // election in terms of its own; there is no PreVote, so it may make the others elect once more. There must be one leader, and terms only rise.
  s.connect(first);
  const leader = s.checkOneLeader();
  mustHold(s.inspect(leader).term >= term, "Re-Election", () => "a leader of an older term");

  const other = s.after(leader, 1);
  s.disconnect(leader, other);
  s.runFor(2 * ELECTION_MS);
  s.checkNoLeader();
  // Beyond the original: those that are cut off do not go on leading either.
  for (const node of range(3)) {
    mustHold(s.inspect(node).role !== "leader", "Quorum", () => `${node} leads without a majority`);
  }

  s.connect(other);
  s.checkOneLeader();
  s.connect(leader);
  s.checkOneLeader();
});

const manyElections = raftScenario("TestManyElections2A", { nodes: 7 }, (s) => {
  s.checkOneLeader();
  for (let round = 0; round < 10; round += 1) {
    // Three draws may name one server twice, as in the original: a smaller cut is a case too.
    const cut = range(3).map(() => s.randomNode());
    s.disconnect(...cut);
    // Either the leader is among the four or more that are left, or they elect one.
    const leader = s.checkOneLeader();
    mustHold(!cut.includes(leader), "Quorum", () => `${leader} leads, cut off with ${cut.join(", ")}`);
    s.connect(...cut);
  }
  s.checkOneLeader();
});

export const ELECTIONS: readonly MitScenario[] = [initialElection, reElection, manyElections];
