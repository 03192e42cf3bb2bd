import { expect, test } from "vitest";
import {
  checkAppends,
  checkLinearizable,
  kvModel,
  type KvInput,
  type KvOutput,
  type Model,
  type Operation,
  registerModel,
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
} from "../src/index.ts";
import { type Apply, bruteForce } from "./brute-force.ts";
import { Random } from "./random.ts";
import { shapes } from "./shapes.ts";

const register: Apply<RegisterValue, RegisterInput, RegisterOutput> = (state, input) => {
  if (input.type === "read") return [state, state];
  if (input.type === "write") return [input.value, null];
  return state === input.expected ? [input.value, true] : [state, false];
};

const kv: Apply<string | null, KvInput, KvOutput> = (state, input) => {
  if (input.type === "get") return [state, state];
  return [input.type === "put" ? input.value : (state ?? "") + input.value, null];
};

interface Choice<Input, Output> {
  readonly input: Input;
  readonly outputs: readonly Output[];
}

const registerChoices: readonly Choice<RegisterInput, RegisterOutput>[] = [
  { input: { type: "read" }, outputs: [null, 1, 2] },
  { input: { type: "write", value: 1 }, outputs: [null] },
  { input: { type: "write", value: 2 }, outputs: [null] },
  { input: { type: "cas", expected: 1, value: 2 }, outputs: [true, false] },
];

/** Texts that are not unique, and one that is the beginning of another: nothing here helps the checker. */
const kvChoices: readonly Choice<KvInput, KvOutput>[] = [
  { input: { type: "get", key: "x" }, outputs: [null, "a", "b", "ab", "aa", "ba", "aba"] },
  { input: { type: "put", key: "x", value: "a" }, outputs: [null] },
  { input: { type: "append", key: "x", value: "a" }, outputs: [null] },
  { input: { type: "append", key: "x", value: "b" }, outputs: [null] },
  { input: { type: "append", key: "x", value: "ab" }, outputs: [null] },
];

function compare<State, Plain, Input, Output>(
  model: Model<State, Input, Output>,
  apply: Apply<Plain, Input, Output>,
  init: Plain,
  history: readonly Operation<Input, Output>[],
  counts: Map<string, number>,
): void {
  const expected = bruteForce(apply, init, history);
  const { verdict } = checkLinearizable(model, history);
  if (verdict !== expected)
    throw new Error(`${verdict}, but by definition ${expected}: ${JSON.stringify(history)}`);
  counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
}

function randomHistory<Input, Output>(
  random: Random,
  choices: readonly Choice<Input, Output>[],
  size: number,
  lanes: number,
): Operation<Input, Output>[] {
  const shape = random.pick(shapes(size, lanes));
  return shape.map(({ client, call, return: returned, last }) => {
    const { input, outputs } = random.pick(choices);
    const kind = random.below(10);
    // Only the last operation of a client may stay without an answer.
    if (kind < 3 && last) return { client, call, input, outcome: "unknown" };
    if (kind === 3) return { client, call, input, outcome: "failed", return: returned };
    return { client, call, input, outcome: "ok", return: returned, output: random.pick(outputs) };
  });
}

test("every register history of up to 3 operations and 3 clients gets the verdict of the definition", () => {
  const counts = new Map<string, number>();
  for (const size of [1, 2, 3]) {
    for (const shape of shapes(size, 3)) {
      const extend = (history: readonly Operation<RegisterInput, RegisterOutput>[]): void => {
        const place = shape[history.length];
        if (place === undefined) {
          compare(registerModel, register, null, history, counts);
          return;
        }
        const { client, call, return: returned, last } = place;
        for (const { input, outputs } of registerChoices) {
          if (last) extend([...history, { client, call, input, outcome: "unknown" }]);
          for (const output of outputs)
            extend([...history, { client, call, input, outcome: "ok", return: returned, output }]);
        }
      };
      extend([]);
    }
  }
  expect(counts.get("linearizable")).toBeGreaterThan(3_000);
  expect(counts.get("illegal")).toBeGreaterThan(3_000);
});

/** No text twice and none the beginning of another, as the list-append check demands. */
const appendChoices: readonly Choice<KvInput, KvOutput>[] = [
  { input: { type: "get", key: "x" }, outputs: [null, "a;", "b;", "a;b;", "b;a;", "a;a;", "a;b", "c;"] },
  { input: { type: "append", key: "x", value: "a;" }, outputs: [null] },
  { input: { type: "append", key: "x", value: "b;" }, outputs: [null] },
];

test.each([2, 3, 4])(
  "every list-append history of %i operations and up to 3 clients gets the verdict of the definition",
  (size) => {
    const counts = new Map<string, number>();
    for (const shape of shapes(size, size === 4 ? 2 : 3)) {
      const extend = (history: readonly Operation<KvInput, KvOutput>[]): void => {
        const place = shape[history.length];
        if (place === undefined) {
          const expected = bruteForce(kv, null, history);
          const { verdict } = checkAppends(history);
          if (verdict !== expected)
            throw new Error(`${verdict}, but by definition ${expected}: ${JSON.stringify(history)}`);
          counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
          return;
        }
        const { client, call, return: returned, last } = place;
        for (const { input, outputs } of appendChoices) {
          if (input.type === "append" && history.some((other) => other.input === input)) continue;
          if (last) extend([...history, { client, call, input, outcome: "unknown" }]);
          extend([...history, { client, call, input, outcome: "failed", return: returned }]);
          for (const output of size === 4 ? outputs.slice(0, 5) : outputs)
            extend([...history, { client, call, input, outcome: "ok", return: returned, output }]);
        }
      };
      extend([]);
    }
    expect(counts.get("linearizable")).toBeGreaterThan(50);
    expect(counts.get("illegal")).toBeGreaterThan(50);
  },
);

test.each([
  [4, 2],
  [4, 3],
  [5, 2],
  [5, 3],
  [6, 3],
])("random histories of %i operations by %i clients get the verdict of the definition", (size, lanes) => {
  const random = new Random(size * 10 + lanes);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6_000; i += 1) {
    compare(registerModel, register, null, randomHistory(random, registerChoices, size, lanes), counts);
    compare(kvModel, kv, null, randomHistory(random, kvChoices, size, lanes), counts);
  }
  expect(counts.get("linearizable")).toBeGreaterThan(1_000);
  expect(counts.get("illegal")).toBeGreaterThan(1_000);
});
