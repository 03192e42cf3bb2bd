import type { Member, Standing } from "@eraft/core";
import { expect, test } from "vitest";
import { type Goal, addLearner, addVoter, demote, move, promote, remove } from "../src/members/goals.ts";
import { type CatchingUp, describe, hasProgressed } from "../src/members/progress.ts";
import { replacement } from "../src/members/replacement.ts";
import { objection } from "../src/members/safety.ts";
import { type MembersView, countMembers } from "../src/members/view.ts";

const A = "10.0.0.9:5001";

function member(id: number, standing: Standing, address = `10.0.0.${id}:5001`): Member {
  return { id, address, standing, incarnation: null };
}

/** Three voters, and whatever else is given. */
function view(others: readonly Member[] = [], isCommitted = true): MembersView {
  const given = new Set(others.map(({ id }) => id));
  const voters = [0, 1, 2].filter((id) => !given.has(id)).map((id) => member(id, "voter"));
  const leader = { id: 0, address: "10.0.0.0:5001" };
  const members = [...voters, ...others].toSorted((a, b) => a.id - b.id);
  return { index: 7, members, isCommitted, clusterId: "c", term: 3, leader, source: leader };
}

const everybody = (): boolean => true;

/** Of the nodes only these answer. */
function answers(...ids: readonly number[]): (id: number) => boolean {
  return (id) => ids.includes(id);
}

function kinds(steps: readonly Goal[]): readonly unknown[] {
  return steps.map(({ changes }) => changes.map(({ type, id }) => `${type} ${id}`));
}

test.each<[string, Goal, MembersView, string]>([
  ["nothing", addVoter(3, A), view(), "toDo"],
  ["an entry that may be lost", addVoter(3, A), view([member(3, "promotable", A)], false), "underWay"],
  ["a learner that catches up", addVoter(3, A), view([member(3, "promotable", A)]), "underWay"],
  ["a joint configuration", addVoter(3, A), view([member(3, "incoming", A)]), "underWay"],
  ["an end that may be lost", addVoter(3, A), view([member(3, "voter", A)], false), "underWay"],
  [
    "a voter, while another one leaves",
    addVoter(3, A),
    view([member(2, "outgoing"), member(3, "voter", A)]),
    "underWay",
  ],
  ["a voter", addVoter(3, A), view([member(3, "voter", A)]), "done"],
  ["somebody who demoted it", addVoter(3, A), view([member(3, "learner", A)]), "toDo"],

  ["nothing", addLearner(3, A), view(), "toDo"],
  ["an entry that may be lost", addLearner(3, A), view([member(3, "learner", A)], false), "underWay"],
  ["a learner", addLearner(3, A), view([member(3, "learner", A)]), "done"],

  ["a learner", promote(3), view([member(3, "learner")]), "toDo"],
  ["a learner that catches up", promote(3), view([member(3, "promotable")]), "underWay"],
  ["a voter without its disk", promote(3), view([member(3, "rejoining")]), "underWay"],
  ["a voter", promote(3), view([member(3, "voter")]), "done"],

  ["a voter", demote(2), view(), "toDo"],
  ["a joint configuration", demote(2), view([member(2, "demoted")]), "underWay"],
  ["an end that may be lost", demote(2), view([member(2, "learner")], false), "underWay"],
  ["a learner", demote(2), view([member(2, "learner")]), "done"],
  ["a learner that is to become a voter", demote(2), view([member(2, "promotable")]), "toDo"],

  ["a member", remove(2), view(), "toDo"],
  ["a joint configuration", remove(2), view([member(2, "outgoing")]), "underWay"],
  ["an end that may be lost", remove(3), view([], false), "underWay"],
  ["no member", remove(3), view(), "done"],

  ["another address", move(2, A), view(), "toDo"],
  ["an entry that may be lost", move(2, A), view([member(2, "voter", A)], false), "underWay"],
  ["the address", move(2, A), view([member(2, "voter", A)]), "done"],
])("seeing %s, a goal with %o is %s", (_what, goal, seen, stage) => {
  expect(goal.stage(seen)).toBe(stage);
});

test.each<[Goal, MembersView, ...string[]]>([
  [addVoter(3, "10.0.0.1:5001"), view(), "node 1 is at 10.0.0.1:5001 already"],
  [addVoter(3, A), view([member(3, "voter", "b:1")]), "a member already, at b:1", `eraft member move 3 ${A}`],
  [addVoter(3, A), view([member(3, "learner", A)]), "node 3 is a learner", "eraft member promote 3"],
  [addLearner(1, "10.0.0.1:5001"), view(), "a member already (voter)", "eraft member demote 1"],
  [promote(3), view(), "node 3 is not a member; the members are 0, 1, 2"],
  [demote(3), view(), "node 3 is not a member"],
  [remove(3), view(), "node 3 is not a member"],
  [move(3, A), view(), "node 3 is not a member"],
  [move(2, "10.0.0.1:5001"), view(), "node 1 is at 10.0.0.1:5001 already"],
])("a goal that cannot be right is told from one to pursue: %o", (goal, seen, ...words) => {
  for (const word of words) expect(goal.problem(seen)).toContain(word);
});

test("what is there already is no problem: a command that is repeated ends as the first one did", () => {
  expect(addVoter(3, A).problem(view([member(3, "voter", A)]))).toBeNull();
  expect(addVoter(3, A).problem(view([member(3, "promotable", A)]))).toBeNull();
  expect(addLearner(3, A).problem(view([member(3, "learner", A)]))).toBeNull();
  expect(promote(1).problem(view())).toBeNull();
  expect(demote(2).problem(view([member(2, "learner")]))).toBeNull();
  expect(move(2, A).problem(view([member(2, "voter", A)]))).toBeNull();
});

test("a change that the voters left could not finish is not begun", () => {
  // Of 0, 1 and 2 only 0 and 2 answer: without 2 there would be 0 and 1, and no majority.
  expect(objection(view(), remove(2).changes, answers(0, 2))).toContain("(0, 1), 1 does not answer");
  expect(objection(view(), demote(2).changes, answers(0, 2))).toContain("1 does not answer");
  expect(objection(view(), remove(1).changes, answers(0, 2))).toBeNull();
  // A new voter does not count before it has caught up, so it need not answer yet.
  expect(objection(view(), addVoter(3, A).changes, answers(0, 2))).toBeNull();
  expect(objection(view(), addVoter(3, A).changes, answers(0))).toContain("1 and 2 do not answer");
  // What the cluster itself would refuse is told in its words.
  const alone = { ...view(), members: [member(0, "voter")] };
  expect(objection(alone, remove(0).changes, everybody)).toBe("no voter would be left");
});

test("a new node takes the place of the old one in one step, and what another leader left of the old one goes after that", () => {
  const both = ["addVoter 3", "remove 1"];
  expect(kinds(replacement(view(), 1, 3, A))).toEqual([both, ["remove 1"]]);
  // Taken up again: after the new one is in, after the old one is out, and after both.
  const begun = replacement(view([member(3, "promotable", A)]), 1, 3, A);
  expect(kinds(begun)).toEqual([both, ["remove 1"]]);
  expect(begun[0]?.stage(view([member(3, "promotable", A)]))).toBe("underWay");
  expect(begun[1]?.stage(view([member(3, "voter", A)]))).toBe("toDo");
  const without1: MembersView = { ...view(), members: [member(0, "voter"), member(3, "promotable", A)] };
  expect(kinds(replacement(without1, 1, 3, A))).toEqual([["addVoter 3"]]);
  // The first step takes the old one along: then there is nothing wrong with the second one.
  const done: MembersView = { ...view(), members: [member(0, "voter"), member(3, "voter", A)] };
  expect(begun[1]?.stage(done)).toBe("done");
  expect(begun[1]?.problem(done)).toBeNull();
  expect(() => replacement(view(), 8, 9, A)).toThrow("node 8 is not a member; the members are 0, 1, 2");
});

test("a replacement is begun by those who are there: the old one counts until the new one does", () => {
  const changes = replacement(view(), 1, 3, A)[0]?.changes ?? [];
  // Node 2 is down: 0 and 1 take the new one on, and then 0 and 3 are two of three.
  expect(objection(view(), changes, answers(0, 1))).toBeNull();
  expect(objection(view(), changes, answers(0, 2))).toBeNull();
  expect(objection(view(), changes, answers(0))).toContain("1 and 2 do not answer");
  // With as many voters as there may be the old one goes at once.
  const full = view([3, 4, 5, 6].map((id) => member(id, "voter")));
  const inFull = replacement(full, 1, 7, A)[0]?.changes ?? [];
  expect(objection(full, inFull, answers(0, 1, 2, 3))).toContain("4 and 5 and 6 do not answer");
  expect(objection(full, inFull, answers(0, 2, 3, 4))).toBeNull();
});

const CATCHING_UP: CatchingUp = {
  id: 3,
  address: A,
  sending: "replicate",
  matchIndex: 5,
  lastLogIndex: 20,
  lastContactMs: 40,
  lastError: null,
};

test("what there is to wait for is told in one line", () => {
  expect(describe(CATCHING_UP)).toBe("node 3 has 5 of 20 entries");
  expect(describe({ ...CATCHING_UP, sending: "snapshot" })).toBe("node 3 receives a snapshot");
  const gone = { ...CATCHING_UP, lastContactMs: 60_000, lastError: `${A}: connection refused` };
  expect(describe(gone)).toBe(`node 3 does not answer at ${A}: connection refused`);
  const never = describe({ ...gone, lastContactMs: null });
  expect(never).toContain(`connection refused; it is started by: eraft serve --id 3 --join A --listen ${A}`);
});

test("progress is more of the log, or a snapshot on its way to a node that lives", () => {
  expect(hasProgressed(null, CATCHING_UP)).toBe(true);
  expect(hasProgressed(CATCHING_UP, CATCHING_UP)).toBe(false);
  expect(hasProgressed(CATCHING_UP, { ...CATCHING_UP, matchIndex: 6 })).toBe(true);
  const snapshot: CatchingUp = { ...CATCHING_UP, sending: "snapshot" };
  expect(hasProgressed(snapshot, snapshot)).toBe(true);
  expect(hasProgressed(snapshot, { ...snapshot, lastContactMs: 60_000 })).toBe(false);
  expect(hasProgressed(CATCHING_UP, null)).toBe(false);
});

test("members are counted by what they will be", () => {
  expect(countMembers(view().members)).toBe("3 voters");
  const mixed = view([
    member(2, "outgoing"),
    member(3, "incoming"),
    member(4, "learner"),
    member(5, "promotable"),
  ]);
  expect(countMembers(mixed.members)).toBe("3 voters, 2 learners");
});
