import { expect, test } from "vitest";
import {
  checkAppends,
  checkCommitOrder,
  checkLinearizable,
  type KvInput,
  kvModel,
  type KvOutput,
  type LoggedOperation,
  type Operation,
} from "../src/index.ts";
import { at } from "./at.ts";
import { bruteForce } from "./brute-force.ts";
import { generate } from "./generate.ts";
import { Random } from "./random.ts";

type Logged = LoggedOperation<KvInput, KvOutput>;
type Mutate = (history: Logged[], random: Random) => Logged[];

const apply = (state: string | null, input: KvInput): readonly [string | null, KvOutput] => {
  if (input.type === "get") return [state, state];
  return [input.type === "put" ? input.value : (state ?? "") + input.value, null];
};

const positionsOf = (history: readonly Logged[], type: KvInput["type"]): number[] =>
  [...history.keys()].filter((i) => at(history, i).input.type === type && at(history, i).outcome === "ok");

const mutations: Record<string, Mutate> = {
  "the answers of two gets are swapped": (history, random) => {
    const gets = positionsOf(history, "get");
    const [a, b] = [random.pick(gets), random.pick(gets)];
    const [x, y] = [at(history, a), at(history, b)];
    if (x.outcome !== "ok" || y.outcome !== "ok") return history;
    return history.with(a, { ...x, output: y.output }).with(b, { ...y, output: x.output });
  },
  "an append is taken out, but not its text": (history, random) =>
    history.toSpliced(random.pick(positionsOf(history, "append")), 1),
  "a text is taken out of the gets after it": (history, random) => {
    const { input } = at(history, random.pick(positionsOf(history, "append")));
    return history.map((operation) => {
      if (operation.outcome !== "ok" || operation.input.type !== "get" || input.type !== "append")
        return operation;
      return { ...operation, output: operation.output?.replace(input.value, "") || null };
    });
  },
  "one get lacks its last text": (history, random) => {
    const position = random.pick(positionsOf(history, "get"));
    const get = at(history, position);
    if (get.outcome !== "ok") return history;
    return history.with(position, { ...get, output: get.output?.replace(/\d+;$/, "") || null });
  },
  "an interval is moved to the end": (history, random) => {
    const position = random.pick(positionsOf(history, "get"));
    const get = at(history, position);
    if (get.outcome !== "ok") return history;
    const end = Math.max(
      ...history.map((operation) => (operation.outcome === "ok" ? operation.return : operation.call)),
    );
    return history.with(position, { ...get, client: 900, call: end + 1, return: end + 2 });
  },
};

/** The checks must agree, with each other and with the definition: whether a mutation happens to do no harm is theirs to say. */
test.each(Object.entries(mutations))(
  "histories in which %s get the verdict of the definition",
  (_, mutate) => {
    const counts = { linearizable: 0, illegal: 0, unknown: 0 };
    for (let seed = 0; seed < 400; seed += 1) {
      const workload = { seed, operations: 7, clients: 3, keys: 1, gets: 50, appends: 50, lost: 150 };
      const { history } = generate(workload);
      if (positionsOf(history, "get").length === 0 || positionsOf(history, "append").length === 0) continue;
      expect(checkLinearizable(kvModel, history).verdict).toBe("linearizable");
      expect(checkAppends(history).verdict).toBe("linearizable");

      const mutant: Operation<KvInput, KvOutput>[] = mutate(history, new Random(seed));
      const expected = bruteForce(apply, null, mutant);
      expect(checkLinearizable(kvModel, mutant).verdict).toBe(expected);
      expect(checkAppends(mutant).verdict).toBe(expected);
      counts[expected] += 1;
    }
    expect(counts.illegal).toBeGreaterThan(60);
  },
);

test.each(Object.entries(mutations))(
  "in histories of hundreds, in which %s, search and list-append check agree",
  (_, mutate) => {
    let illegal = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      const workload = { seed, operations: 300, clients: 4, keys: 1, gets: 50, appends: 50, lost: 20 };
      const { history, log } = generate(workload);
      expect(checkCommitOrder(kvModel, log, history).verdict).toBe("linearizable");
      const mutant = mutate(history, new Random(seed));
      const { verdict } = checkAppends(mutant);
      expect(checkLinearizable(kvModel, mutant).verdict).toBe(verdict);
      if (verdict === "illegal") illegal += 1;
    }
    expect(illegal).toBeGreaterThan(30);
  },
);
