import { type Configuration, isElector, isJoint, leaveJoint, type MemberChange, Quorum } from "@eraft/core";
import { expect, test } from "vitest";
import {
  changed,
  initialConfiguration,
  MAX_MEMBERS,
  type Refused,
  withIncarnation,
  withVoters,
} from "../src/configuration.ts";
import { Dice } from "./harness/dice.ts";
import { configurationOf, idsOf, textOfMembers } from "./harness/members.ts";

// The arithmetic of configurations (dissertation, chapter 4) by itself: from one to the next, without servers.

/** What becomes of `before`, in the words of `configurationOf`; or why nothing does. */
function after(before: string, ...changes: readonly MemberChange[]): string {
  const next = changed(configurationOf(before), changes);
  return isRefused(next) ? next.refused : textOfMembers(next);
}

test("a cluster begins with voters, in the order of their ids, at the addresses that are known", () => {
  expect(initialConfiguration([2, 0], new Map([[2, "host-2"]]))).toEqual({
    members: [
      { id: 0, address: "", standing: "voter", incarnation: null },
      { id: 2, address: "host-2", standing: "voter", incarnation: null },
    ],
  });
});

test.each<[what: string, before: string, changes: MemberChange[], after: string]>([
  ["a voter to be joins as a learner", "0 2", [add(1)], "0 1:promotable 2"],
  ["a learner joins", "0", [{ type: "addLearner", id: 1, address: "b" }], "0 1:learner"],
  ["a learner is to become a voter", "0 1:learner", [{ type: "promote", id: 1 }], "0 1:promotable"],
  ["that may be asked for twice", "0 1:promotable", [{ type: "promote", id: 1 }], "0 1:promotable"],
  ["and be taken back", "0 1:promotable", [{ type: "demote", id: 1 }], "0 1:learner"],
  ["a voter becomes a learner by two majorities", "0 1 2", [{ type: "demote", id: 1 }], "0 1:demoted 2"],
  ["a voter goes by two majorities", "0 1 2", [remove(0)], "0:outgoing 1 2"],
  ["a learner goes at once", "0 1:learner", [remove(1)], "0"],
  ["so does one that was to become a voter", "0 1:promotable", [remove(1)], "0"],
  [
    "several changes are one step",
    "0 1 2",
    [remove(2), add(3), remove(1)],
    "0 1:outgoing 2:outgoing 3:promotable",
  ],
])("%s", (_what, before, changes, expected) => {
  expect(after(before, ...changes)).toBe(expected);
});

test("an address changes, and nothing else does", () => {
  const next = changed(configurationOf("0 1@disk 2"), [{ type: "setAddress", id: 1, address: "elsewhere" }]);
  expect(next).toEqual({
    members: configurationOf("0 1@disk 2").members.map((member) =>
      member.id === 1 ? { ...member, address: "elsewhere" } : member,
    ),
  });
});

test.each<[before: string, changes: MemberChange[], why: RegExp]>([
  ["0", [], /nothing to change/],
  ["0 1", [add(1)], /server 1 is a member already/],
  ["0 1:learner", [add(1)], /server 1 is a member already/],
  ["0 1", [add(2), add(2)], /server 2 is to be added twice/],
  ["0 1", [remove(2)], /server 2 is not a member/],
  ["0 1", [remove(1), remove(1)], /server 1 is not a member/],
  ["0 1", [{ type: "promote", id: 7 }], /server 7 is not a member/],
  ["0 1", [{ type: "demote", id: 7 }], /server 7 is not a member/],
  ["0 1", [{ type: "setAddress", id: 7, address: "x" }], /server 7 is not a member/],
  ["0 1", [{ type: "promote", id: 1 }], /server 1 is a voter already/],
  ["0 1:learner", [{ type: "demote", id: 1 }], /server 1 is a learner already/],
  ["0 1", [add(-1)], /-1 is not a server id/],
  ["0 1", [add(1.5)], /1.5 is not a server id/],
  ["0 1", [remove(2 ** 53)], /9007199254740992 is not a server id/],
  ["0", [remove(0)], /no voter would be left/],
  ["0 1:learner", [remove(0)], /no voter would be left/],
  ["0 1:promotable", [{ type: "demote", id: 0 }], /no voter would be left/],
  ["0 1", [remove(0), remove(1)], /no voter would be left/],
])("from %s, %j is refused: %s", (before, changes, why) => {
  expect(after(before, ...changes)).toMatch(why);
});

test("a server that is removed and added in one request is refused: whoever knows it by its old disk must learn first that it is gone", () => {
  expect(after("0 1 2", remove(2), add(2))).toMatch(/server 2 is a member already; remove it first/);
});

test("of a list with a mistake nothing is done", () => {
  const before = configurationOf("0 1 2");
  expect(changed(before, [remove(2), remove(7)])).toEqual({ refused: "server 7 is not a member" });
  expect(before).toEqual(configurationOf("0 1 2"));
});

test("two members are never at one address, and servers whose address nobody knows are no such two", () => {
  const there = [add(3, "here"), add(4, "here")];
  expect(after("0 1", ...there)).toBe("two members would be at here");
  expect(after("0 1", add(3, ""), add(4, ""))).toBe("0 1 3:promotable 4:promotable");
  const one = changed(configurationOf("0 1"), [add(2, "two")]);
  if (isRefused(one)) throw new Error(one.refused);
  expect(changed(one, [add(3, "two")])).toEqual({ refused: "two members would be at two" });
  // As long as the one that goes is still asked, its address is its own.
  const gone = changed(withVotersOf(one, 2), [remove(2), add(3, "two")]);
  expect(gone).toEqual({ refused: "two members would be at two" });
});

test("two servers may swap their addresses in one request", () => {
  const before = changed(configurationOf("0"), [add(1, "one"), add(2, "two")]);
  if (isRefused(before)) throw new Error(before.refused);
  const swapped = changed(before, [
    { type: "setAddress", id: 1, address: "two" },
    { type: "setAddress", id: 2, address: "one" },
  ]);
  expect(isRefused(swapped) ? swapped.refused : swapped.members.map(({ address }) => address)).toEqual([
    "",
    "two",
    "one",
  ]);
});

test("a cluster has at most 7 voters, those to be counted with those that are", () => {
  expect(after("0 1 2 3 4 5", add(6))).toBe("0 1 2 3 4 5 6:promotable");
  // Otherwise the eighth would be accepted, wait for ever to become a voter, and its request for an answer.
  expect(after("0 1 2 3 4 5 6", add(7))).toMatch(/8 voters; a cluster has at most 7/);
  expect(after("0 1 2 3 4 5 6:promotable", add(7))).toMatch(/8 voters/);
  expect(after("0 1 2 3 4 5 6 7:learner", { type: "promote", id: 7 })).toMatch(/8 voters/);
  expect(after("0 1 2 3 4 5 6", remove(0), add(7))).toBe("0:outgoing 1 2 3 4 5 6 7:promotable");
});

test(`a cluster has at most ${MAX_MEMBERS} members`, () => {
  const most = configurationOf(
    Array.from({ length: MAX_MEMBERS }, (_, id) => `${id}${id > 0 ? ":learner" : ""}`).join(" "),
  );
  expect(after(textOfMembers(most), { type: "addLearner", id: 99, address: "" })).toMatch(/33 members/);
  expect(after(textOfMembers(most), remove(5), { type: "addLearner", id: 99, address: "" })).toMatch(
    /99:learner$/,
  );
});

test.each([
  ["0 1:incoming 2", "0 1 2"],
  ["0 1:outgoing 2", "0 2"],
  ["0 1:demoted 2", "0 1:learner 2"],
  ["0 1:rejoining 2", "0 1:promotable 2"],
  ["0:outgoing 1 2:incoming 3:learner 4:promotable 5:demoted", "1 2 3:learner 4:promotable 5:learner"],
  ["0 1 2:learner", "0 1 2:learner"],
])("the joint configuration %s leads to %s, and there it ends", (joint, expected) => {
  const left = leaveJoint(configurationOf(joint));
  expect(textOfMembers(left)).toBe(expected);
  expect(isJoint(left)).toBe(false);
  expect(leaveJoint(left)).toEqual(left);
});

test("learners become voters by two majorities, others stay what they are", () => {
  expect(promoted("0 1:promotable 2:promotable 3:learner", 1)).toBe("0 1:incoming 2:promotable 3:learner");
  expect(promoted("0 1:promotable 2:promotable", 1, 2)).toBe("0 1:incoming 2:incoming");
});

test.each([
  ["a voter whose disk is named for the first time keeps its vote", "0 1 2", "0 1@new 2"],
  ["a voter that is what it was keeps its vote", "0 1@new 2", "0 1@new 2"],
  ["a voter with another disk gives it up", "0 1@old 2", "0 1@new:rejoining 2"],
  ["a learner with another disk had none", "0 1@old:learner 2", "0 1@new:learner 2"],
  ["so had one that was to become a voter", "0 1@old:promotable 2", "0 1@new:promotable 2"],
  ["a stranger stays one", "0 2", "0 2"],
])("%s", (_what, before, expected) => {
  expect(textOfMembers(withIncarnation(configurationOf(before), 1, "new"))).toBe(expected);
});

test("whatever is changed: ids once and in order, a voter is left, and majorities of one configuration meet those of the next", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 800; seed += 1) {
    const dice = new Dice(seed);
    let current = configurationOf(dice.pick(["0", "0 1", "0 1 2", "0 1 2 3 4", "0 1 2 3 4 5 6"]));
    for (let step = 0; step < 12; step += 1) {
      const next = nextOf(current, dice);
      if (isRefused(next)) continue;
      checkMembers(next);
      checkMajoritiesMeet(current, next);
      for (const { standing } of next.members) seen.add(standing);
      current = next;
    }
  }
  // All the standings there are, or the walk has not been everywhere.
  expect(seen.size).toBe(7);
});

/** One step as a leader takes it: it ends a joint configuration before anything else. */
function nextOf(current: Configuration, dice: Dice) {
  if (isJoint(current)) return leaveJoint(current);
  const kind = dice.roll(4);
  if (kind === 0) return withVoters(current, idsOf(current, "promotable"));
  if (kind === 1) return withIncarnation(current, dice.roll(8), dice.pick(["one", "another"]));
  return changed(
    current,
    Array.from({ length: 1 + dice.roll(4) }, () => anyChange(dice)),
  );
}

function anyChange(dice: Dice): MemberChange {
  const id = dice.roll(9);
  const type = dice.pick(["addVoter", "addLearner", "promote", "demote", "remove", "setAddress"] as const);
  const isPlaced = type === "addVoter" || type === "addLearner" || type === "setAddress";
  return isPlaced ? { type, id, address: dice.pick(["", `host-${id}`]) } : { type, id };
}

function checkMembers(configuration: Configuration): void {
  const ids = configuration.members.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
  expect(idsOf(leaveJoint(configuration), "voter", "promotable")).not.toEqual([]);
  const voters = idsOf(configuration, "voter", "incoming", "promotable", "rejoining");
  expect(voters.length).toBeLessThanOrEqual(7);
}

/** No two servers may decide apart from each other while one knows the next configuration and the other does not. */
function checkMajoritiesMeet(one: Configuration, other: Configuration): void {
  const ids = [...new Set([...one.members, ...other.members].map(({ id }) => id))];
  const [first, second] = [new Quorum(one), new Quorum(other)];
  for (let mask = 0; mask < 2 ** ids.length; mask += 1) {
    const has = (id: number): boolean => (mask & (1 << ids.indexOf(id))) !== 0;
    // If a set is a majority of the one, those outside of it are none of the other.
    if (!first.isReachedBy(has) || !second.isReachedBy((id) => !has(id))) continue;
    throw new Error(`majorities that do not meet: ${textOfMembers(one)} and ${textOfMembers(other)}`);
  }
}

test("a server counts for something exactly if it may vote and vouch", () => {
  const all = configurationOf("0 1:incoming 2:outgoing 3:demoted 4:rejoining 5:learner 6:promotable");
  const electors = all.members.filter(({ standing }) => isElector(standing)).map(({ id }) => id);
  expect(electors).toEqual([0, 1, 2, 3]);
});

function isRefused(next: Configuration | Refused): next is Refused {
  return "refused" in next;
}

function add(id: number, address = `host-${id}`): MemberChange {
  return { type: "addVoter", id, address };
}

function remove(id: number): MemberChange {
  return { type: "remove", id };
}

function promoted(before: string, ...ids: readonly number[]): string {
  const next = withVoters(configurationOf(before), ids);
  return isRefused(next) ? next.refused : textOfMembers(next);
}

/** `configuration` after `id` has become a voter. */
function withVotersOf(configuration: Configuration, id: number): Configuration {
  const joint = withVoters(configuration, [id]);
  if (isRefused(joint)) throw new Error(joint.refused);
  return leaveJoint(joint);
}
