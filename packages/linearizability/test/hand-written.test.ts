import { expect, test } from "vitest";
import {
  assertLinearizable,
  checkAppends,
  checkLinearizable,
  createKvModel,
  createRegisterModel,
  HistoryError,
  type KvInput,
  kvModel,
  type KvOutput,
  type Model,
  ModelError,
  NotLinearizableError,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
} from "../src/index.ts";
import { at } from "./at.ts";

type Kv = Operation<KvInput, KvOutput>;

const get = (client: number, call: number, ret: number, output: KvOutput, key = "x"): Kv => ({
  client,
  call,
  return: ret,
  outcome: "ok",
  input: { type: "get", key },
  output,
});

const write = (
  type: "put" | "append",
  client: number,
  call: number,
  ret: number | "unknown" | "failed",
  value: string,
  key = "x",
): Kv => {
  const asked = { client, call, input: { type, key, value } } as const;
  if (ret === "unknown") return { ...asked, outcome: "unknown" };
  if (ret === "failed") return { ...asked, outcome: "failed", return: call + 1 };
  return { ...asked, outcome: "ok", return: ret, output: null };
};
const put = write.bind(null, "put");
const append = write.bind(null, "append");

const staleRead = [put(0, 1, 2, "a"), put(0, 3, 4, "b"), get(1, 5, 6, "a")];

const illegal: Record<string, Kv[]> = {
  "stale read": staleRead,
  "lost append": [append(0, 1, 2, "a;"), append(0, 3, 4, "b;"), get(1, 5, 6, "b;")],
  "lost append, nothing read": [append(0, 1, 2, "a;"), get(1, 3, 4, null)],
  "duplicate append": [append(0, 1, 2, "a;"), get(1, 3, 4, "a;a;")],
  "read of an unknown write before its call": [get(1, 1, 2, "a"), put(0, 3, "unknown", "a")],
  "unknown write that was seen and then not": [
    put(0, 1, 2, "a"),
    put(1, 3, "unknown", "b"),
    get(2, 4, 5, "b"),
    get(2, 6, 7, "a"),
  ],
  "unknown append that takes effect twice": [
    append(0, 1, "unknown", "a;"),
    get(1, 2, 3, "a;"),
    get(1, 4, 5, "a;a;"),
  ],
  "phantom value": [put(0, 1, 2, "a"), get(1, 3, 4, "z")],
  "value of another key": [put(0, 1, 2, "a", "y"), get(1, 3, 4, "a", "x")],
  "read of a write that failed": [put(0, 1, "failed", "a"), get(1, 4, 5, "a")],
  "non-monotonic reads of one client": [put(0, 1, 10, "a"), get(1, 2, 3, "a"), get(1, 4, 5, null)],
  "non-monotonic reads of two clients": [put(0, 1, 10, "a"), get(1, 2, 3, "a"), get(2, 4, 5, null)],
  "a client that does not read its own write": [put(0, 1, 2, "a"), get(0, 3, 4, null)],
  "two readers that disagree on the order of two writes": [
    append(0, 1, 2, "a;"),
    append(1, 1, 2, "b;"),
    get(2, 3, 4, "a;b;"),
    get(3, 3, 4, "b;a;"),
  ],
  "appends that stand against real time": [
    append(0, 1, 2, "a;"),
    append(1, 3, 4, "b;"),
    get(2, 5, 6, "b;a;"),
  ],
  "split brain: two sequences that never meet": [
    put(0, 1, 2, "a"),
    put(1, 1, 2, "b"),
    get(0, 3, 4, "a"),
    get(1, 5, 6, "b"),
    get(0, 7, 8, "a"),
  ],
};

const linearizable: Record<string, Kv[]> = {
  "nothing at all": [],
  "absent key": [get(0, 1, 2, null)],
  "read of a write under way": [put(0, 1, 10, "a"), get(1, 2, 3, "a")],
  "read before a write under way": [put(0, 1, 10, "a"), get(1, 2, 3, null)],
  "both, in that order": [put(0, 1, 10, "a"), get(1, 2, 3, null), get(1, 4, 5, "a")],
  "read of an unknown write, late": [put(0, 1, "unknown", "a"), get(1, 2, 3, null), get(1, 8, 9, "a")],
  "unknown write never seen": [put(0, 1, "unknown", "a"), get(1, 2, 3, null)],
  "overlapping writes, the first called wins": [put(0, 1, 4, "a"), put(1, 2, 3, "b"), get(2, 5, 6, "a")],
  "return and call at one time count as concurrent": [put(0, 1, 2, "a"), get(1, 2, 3, null)],
  "an operation of no duration": [put(0, 1, 1, "a"), get(1, 2, 2, "a")],
  "failed write not seen": [put(0, 1, "failed", "a"), get(1, 4, 5, null)],
};

test.each(Object.entries(illegal))("illegal: %s", (_, history) => {
  const report = checkLinearizable(kvModel, history);
  expect(report.verdict).toBe("illegal");
  expect(() => assertLinearizable(report)).toThrow(NotLinearizableError);
});

test.each(Object.entries(linearizable))("linearizable: %s", (_, history) => {
  const report = checkLinearizable(kvModel, history);
  expect(report.verdict).toBe("linearizable");
  assertLinearizable(report);
});

test("a get whose answer was lost says nothing, not even against a put that it must have seen", () => {
  const lost: Kv = { client: 1, call: 3, input: { type: "get", key: "x" }, outcome: "unknown" };
  const report = checkLinearizable(kvModel, [put(0, 1, 2, "a"), lost]);
  expect(at(report.partitions, 0).intervals).toHaveLength(1);
});

test("the evidence is the longest order, the state it leads to, and the operation that does not fit", () => {
  const [report] = checkLinearizable(kvModel, staleRead).partitions;
  expect(report).toMatchObject({ key: "x", order: [0, 1], blocked: 2, state: { value: "b" } });
});

test("each key is judged on its own, and the worst verdict counts", () => {
  const bad = [put(0, 1, 2, "a", "y"), get(1, 5, 6, "z", "y")];
  const report = checkLinearizable(kvModel, [...bad, put(2, 1, 2, "a", "x"), get(3, 5, 6, "a", "x")]);
  expect(report.verdict).toBe("illegal");
  expect(report.partitions.map(({ key, verdict }) => [key, verdict])).toEqual([
    ["y", "illegal"],
    ["x", "linearizable"],
  ]);
});

test("a store that cannot tell an absent key from an empty value has a model of its own", () => {
  const history = [get(0, 1, 2, ""), append(0, 3, 4, "a"), get(0, 5, 6, "a")];
  expect(checkLinearizable(createKvModel({ absent: "" }), history).verdict).toBe("linearizable");
  expect(checkLinearizable(kvModel, history).verdict).toBe("illegal");
});

const cas = (client: number, output: boolean): Operation<RegisterInput, RegisterOutput> => ({
  client,
  call: 1 + client,
  return: 10 + client,
  input: { type: "cas", expected: 0, value: 1 },
  outcome: "ok",
  output,
});

const casVerdict = (...outputs: boolean[]): string =>
  checkLinearizable(
    createRegisterModel(0),
    outputs.map((output, client) => cas(client, output)),
  ).verdict;

test("a compare-and-set that reports success against the order is illegal, and so is one that reports failure", () => {
  expect(casVerdict(true, false)).toBe("linearizable");
  expect(casVerdict(true, true)).toBe("illegal");
  expect(casVerdict(false, false)).toBe("illegal");
});

test("a model whose read changes the state is refused", () => {
  const model: Model<number, "read", number> = {
    init: () => 0,
    step: (state) => ({ state: state + 1, output: state }),
    matches: (a, b) => a === b,
    hash: (state) => state,
    equals: (a, b) => a === b,
    isRead: () => true,
    describeInput: (input) => input,
    describeOutput: (_, output) => String(output),
    describeState: String,
  };
  const history = [{ client: 0, call: 1, return: 2, input: "read", outcome: "ok", output: 0 } as const];
  expect(() => checkLinearizable(model, history)).toThrow(ModelError);
});

test.each([
  ["badClient", 0, [put(-1, 1, 2, "a")]],
  ["badClient", 1, [put(0, 1, 2, "a"), put(0.5, 1, 2, "b")]],
  ["badTime", 0, [put(0, Number.NaN, 2, "a")]],
  ["badTime", 0, [put(0, 1, Infinity, "a")]],
  ["badTime", 0, [put(0, 3, 2, "a")]],
  ["overlap", 1, [put(0, 1, 5, "a"), put(0, 4, 6, "b")]],
  ["overlap", 0, [put(0, 4, 6, "b"), put(0, 1, 5, "a")]],
  ["callAfterUnknown", 1, [put(0, 1, "unknown", "a"), get(0, 4, 6, "a")]],
] as const)("a history recorded wrongly is refused: %s at operation %i", (code, index, history) => {
  for (const check of [() => checkLinearizable(kvModel, history), () => checkAppends(history)]) {
    expect(check).toThrow(HistoryError);
    expect(check).toThrow(expect.objectContaining({ code, index }));
  }
});

test.each([0, -1, 1.5, Number.NaN, Infinity])("a limit of %d is refused", (limit) => {
  expect(() => checkLinearizable(kvModel, [], { limits: { maxSteps: limit } })).toThrow(RangeError);
  expect(() => checkLinearizable(kvModel, [], { limits: { maxConfigurations: limit } })).toThrow(RangeError);
});
