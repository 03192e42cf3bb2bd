import { expect, test } from "vitest";
import {
  checkLinearizable,
  explain,
  type Interval,
  type KvInput,
  kvModel,
  type KvOutput,
  type KvState,
  minimise,
  type MinimalHistory,
  type Operation,
  registerModel,
  type RegisterInput,
  type RegisterOutput,
} from "../src/index.ts";
import { at } from "./at.ts";
import { bruteForce } from "./brute-force.ts";
import { generate } from "./generate.ts";
import { Random } from "./random.ts";

type Kv = Operation<KvInput, KvOutput>;
type Minimal = MinimalHistory<KvState, KvInput, KvOutput>;

const ok = (client: number, call: number, input: KvInput, output: KvOutput = null): Kv => ({
  client,
  call,
  return: call + 1,
  input,
  outcome: "ok",
  output,
});
const put = (client: number, call: number, value: string) =>
  ok(client, call, { type: "put", key: "x", value });
const append = (client: number, call: number, value: string) =>
  ok(client, call, { type: "append", key: "x", value });
const get = (client: number, call: number, output: KvOutput) =>
  ok(client, call, { type: "get", key: "x" }, output);

function minimal(history: readonly Kv[]): Minimal {
  const report = checkLinearizable(kvModel, history).partitions.find(({ verdict }) => verdict === "illegal");
  if (report === undefined) throw new RangeError("the history is not illegal");
  return minimise(kvModel, report);
}

const indexes = ({ intervals }: Minimal): number[] => intervals.map(({ index }) => index);

function toOperation({ client, call, input, reply, ...rest }: Interval<KvInput, KvOutput>): Kv {
  if (reply === null) return { client, call, input, outcome: "unknown" };
  return { client, call, input, outcome: "ok", return: rest.return, output: reply.output };
}

const apply = (state: string | null, input: KvInput): readonly [string | null, KvOutput] => {
  if (input.type === "get") return [state, state];
  return [input.type === "put" ? input.value : (state ?? "") + input.value, null];
};

test("a stale read keeps the write that it has seen, and the one that it should have seen", () => {
  const noise = [get(1, 3, "a"), get(2, 13, "b"), put(3, 20, "c"), get(1, 30, "c")];
  const found = minimal([put(0, 1, "a"), put(0, 5, "b"), get(1, 15, "a"), ...noise]);
  expect(indexes(found)).toEqual([0, 1, 2]);
  expect(found).toMatchObject({ verdict: "illegal", order: [0, 1], blocked: 2, leftOut: 4, minimal: true });
});

test("dropping the write that a read has seen would be easier, and no proof", () => {
  const found = minimal([put(0, 1, "a"), get(1, 3, "a"), get(1, 5, null)]);
  // The put is why nobody may read null any more; nothing is left of the first get, which was right.
  expect(indexes(found)).toEqual([0, 2]);
});

test("what comes after the return that no order gets beyond is no part of it", () => {
  const tail = Array.from({ length: 40 }, (_, i) => put(2, 100 + 2 * i, `late${i}`));
  const found = minimal([append(0, 1, "a;"), append(0, 3, "b;"), get(1, 6, "b;"), ...tail]);
  expect(indexes(found)).toEqual([0, 1, 2]);
});

test("a long history of appends begins with what a read has shown", () => {
  const appends = Array.from({ length: 60 }, (_, i) => append(0, 1 + 4 * i, `${i};`));
  const text = (count: number): string =>
    appends
      .slice(0, count)
      .map(({ input }) => (input.type === "append" ? input.value : ""))
      .join("");
  const gets = appends.map((_, i) => get(1, 3 + 4 * i, text(i + 1)));
  const found = minimal([...appends, ...gets, get(2, 900, text(40))]);
  expect(found.start.value).toBe(text(60));
  expect(indexes(found)).toEqual([119, 120]);
  expect(at(explain(kvModel, found).sentences, 0)).toContain("At first the state is");
});

test("what is left of an illegal history is illegal by definition, and a part of it in the right order", () => {
  const random = new Random(5);
  let shown = 0;
  for (let seed = 0; seed < 300; seed += 1) {
    const { history } = generate({
      seed,
      operations: 40,
      clients: 3,
      keys: 1,
      gets: 50,
      appends: 20,
      lost: 60,
    });
    const gets = history.filter(({ input, outcome }) => input.type === "get" && outcome === "ok");
    const [a, b] = [random.pick(gets), random.pick(gets)];
    if (a.outcome !== "ok" || b.outcome !== "ok") continue;
    const swapped = history.with(history.indexOf(a), { ...a, output: b.output });
    if (checkLinearizable(kvModel, swapped).verdict !== "illegal") continue;
    const found = minimal(swapped);
    expect(found.minimal).toBe(true);
    expect(found.intervals.length).toBeLessThanOrEqual(12);
    expect(bruteForce(apply, found.start.value, found.intervals.map(toOperation))).toBe("illegal");
    expect(indexes(found)).toEqual(indexes(found).toSorted((x, y) => x - y));
    shown += 1;
  }
  expect(shown).toBeGreaterThan(150);
});

/**
 * The claim behind every step: a linearizable history stays linearizable. So the steps are made on good histories, each wrongly
 * reported as illegal at some read, and must never turn one into a bad one.
 */
test("no step makes an illegal history out of a linearizable one", () => {
  for (let seed = 0; seed < 300; seed += 1) {
    const { history } = generate({
      seed,
      operations: 30,
      clients: 4,
      keys: 1,
      gets: 50,
      appends: 25,
      lost: 60,
    });
    const report = at(checkLinearizable(kvModel, history).partitions, 0);
    const blocked = report.intervals.findLastIndex(({ reply }) => reply !== null);
    const found = minimise(kvModel, { ...report, verdict: "illegal", blocked });
    expect(found.intervals).toBe(report.intervals);
  }
});

test("an operation that is open where the history ends does not keep an answer that it owes to what comes later", () => {
  const history: Operation<RegisterInput, RegisterOutput>[] = [
    {
      client: 0,
      call: 1,
      return: 10,
      input: { type: "cas", expected: 0, value: 1 },
      outcome: "ok",
      output: true,
    },
    { client: 1, call: 2, return: 3, input: { type: "read" }, outcome: "ok", output: null },
    { client: 1, call: 4, return: 5, input: { type: "write", value: 0 }, outcome: "ok", output: null },
  ];
  const report = at(checkLinearizable(registerModel, history).partitions, 0);
  expect(report.verdict).toBe("linearizable");
  // As if the read had been found wrong: without the write, a successful cas would be wrong indeed.
  expect(minimise(registerModel, { ...report, verdict: "illegal", blocked: 1 }).intervals).toBe(
    report.intervals,
  );
});

test("a budget that is too small gives a history that is larger, not wrong", () => {
  const { history } = generate({
    seed: 1,
    operations: 300,
    clients: 3,
    keys: 1,
    gets: 50,
    appends: 20,
    lost: 0,
  });
  const never = ok(77, 100_000, { type: "get", key: "k0" }, "never");
  const bad = [...history, never];
  const report = at(checkLinearizable(kvModel, bad).partitions, 0);
  const found = minimise(kvModel, report, { maxSteps: 1 });
  expect(found.minimal).toBe(false);
  expect(found.intervals.length).toBeGreaterThan(100);
  expect(indexes(minimise(kvModel, report))).toEqual([300]);
});

test("there is nothing to minimise in a history that is not illegal", () => {
  const report = at(checkLinearizable(kvModel, [put(0, 1, "a")]).partitions, 0);
  expect(() => minimise(kvModel, report)).toThrow(RangeError);
  expect(() => explain(kvModel, report)).toThrow(RangeError);
  expect(() => minimise(kvModel, { ...report, verdict: "illegal" }, { maxSteps: 0 })).toThrow(RangeError);
});
