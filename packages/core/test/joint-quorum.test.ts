import { type Configuration, type NodeId, Quorum, type Standing } from "@eraft/core";
import { expect, test } from "vitest";
import { configurationOf } from "./harness/members.ts";

// Every configuration of up to five servers, whatever their standings, against the definition of a majority (dissertation, 4.3).

const STANDINGS: readonly Standing[] = [
  "voter",
  "incoming",
  "outgoing",
  "demoted",
  "rejoining",
  "learner",
  "promotable",
];

const IN_OLD_HALF: readonly Standing[] = ["voter", "outgoing", "demoted", "rejoining"];
const IN_NEW_HALF: readonly Standing[] = ["voter", "incoming"];

/** All configurations of the servers 0 to `size - 1`. */
function* configurations(size: number): Generator<Configuration> {
  for (let number = 0; number < STANDINGS.length ** size; number += 1) {
    let rest = number;
    const members = [];
    for (let id = 0; id < size; id += 1) {
      const standing = STANDINGS[rest % STANDINGS.length] ?? "voter";
      members.push({ id, address: "", standing, incarnation: null });
      rest = Math.floor(rest / STANDINGS.length);
    }
    yield { members };
  }
}

/** All sets of the servers 0 to `size - 1`. */
function sets(size: number): ReadonlySet<NodeId>[] {
  return Array.from({ length: 2 ** size }, (_, mask) => {
    const ids = Array.from({ length: size }, (__, id) => id);
    return new Set(ids.filter((id) => (mask & (1 << id)) !== 0));
  });
}

function common(one: ReadonlySet<NodeId>, other: ReadonlySet<NodeId>): NodeId[] {
  return [...one].filter((id) => other.has(id));
}

/**
 * The definition: more than half of the old voters and more than half of the new ones. A rejoining server is an old voter, and its consent is worth
 * nothing: it has forgotten what it said before.
 */
function isEnough({ members }: Configuration, consenting: ReadonlySet<NodeId>): boolean {
  return [IN_OLD_HALF, IN_NEW_HALF].every((standings) => {
    const voters = members.filter(({ standing }) => standings.includes(standing));
    const consents = voters.filter(({ id, standing }) => consenting.has(id) && standing !== "rejoining");
    return 2 * consents.length > voters.length;
  });
}

test.each([1, 2, 3, 4, 5])(
  "of %i servers, in whatever standings: which sets are enough, and that any two of these share a server",
  (size) => {
    const all = sets(size);
    let wrong = 0;
    let apart = 0;
    for (const configuration of configurations(size)) {
      const quorum = new Quorum(configuration);
      const enough = all.filter((set) => isEnough(configuration, set));
      for (const set of all) {
        if (quorum.isReachedBy((id) => set.has(id)) !== enough.includes(set)) wrong += 1;
      }
      if (enough.some((one) => enough.some((other) => common(one, other).length === 0))) apart += 1;
    }
    expect({ wrong, apart }).toEqual({ wrong: 0, apart: 0 });
  },
);

test.each([1, 2, 3, 4])("of %i servers, in whatever standings: what they have reached", (size) => {
  const top = 2;
  let wrong = 0;
  for (const configuration of configurations(size)) {
    const quorum = new Quorum(configuration);
    for (let number = 0; number < (top + 1) ** size; number += 1) {
      const valueOf = (id: NodeId): number => Math.floor(number / (top + 1) ** id) % (top + 1);
      let best = 0;
      for (let value = 1; value <= top; value += 1) {
        const having = configuration.members.map(({ id }) => id).filter((id) => valueOf(id) >= value);
        if (isEnough(configuration, new Set(having))) best = value;
      }
      if (quorum.reached(valueOf) !== best) wrong += 1;
    }
  }
  expect(wrong).toBe(0);
});

test("from any voters to any others, of up to five servers: both majorities are needed, and neither is enough", () => {
  const all = sets(5).filter(({ size }) => size > 0);
  let wrong = 0;
  for (const before of all) {
    for (const after of all) {
      const quorum = new Quorum(jointOf(before, after));
      for (const consenting of all) {
        const isMajority = (voters: ReadonlySet<NodeId>): boolean =>
          2 * common(voters, consenting).length > voters.size;
        const both = isMajority(before) && isMajority(after);
        if (quorum.isReachedBy((id) => consenting.has(id)) !== both) wrong += 1;
      }
    }
  }
  expect(wrong).toBe(0);
});

function jointOf(before: ReadonlySet<NodeId>, after: ReadonlySet<NodeId>): Configuration {
  const members = [...new Set([...before, ...after])].map((id) => {
    const one = before.has(id) ? "outgoing" : "incoming";
    return `${id}:${before.has(id) && after.has(id) ? "voter" : one}`;
  });
  return configurationOf(members.join(" "));
}

test("nobody is a majority of nobody: a server that waits to be added does not elect itself", () => {
  const quorum = new Quorum({ members: [] });
  expect(quorum.isReachedBy(() => true)).toBe(false);
  expect(new Quorum(configurationOf("0:learner 1:promotable")).isReachedBy(() => true)).toBe(false);
});

test("who is not a member does not count", () => {
  const quorum = new Quorum(configurationOf("0 1 2"));
  expect(quorum.isReachedBy((id) => id === 0 || id > 2)).toBe(false);
});
