import { expect, test } from "vitest";
import {
  checkCommitOrder,
  type CommitOrderProblemType,
  type CommittedEntry,
  type KvInput,
  kvModel,
  type KvOutput,
  type LoggedOperation,
} from "../src/index.ts";
import { at } from "./at.ts";

type Logged = LoggedOperation<KvInput, KvOutput>;

const entry = (index: number, id: string, value: string): CommittedEntry<KvInput> => ({
  index,
  id,
  input: { type: "put", key: "x", value },
});
const put = (
  id: string,
  call: number,
  ret: number | "unknown" | "failed",
  logIndex: number,
  value = id,
): Logged => {
  const asked = { id, client: Math.round(call * 2), call, input: { type: "put", key: "x", value } } as const;
  if (ret === "unknown") return { ...asked, outcome: "unknown" };
  if (ret === "failed") return { ...asked, outcome: "failed", return: call };
  return { ...asked, outcome: "ok", return: ret, output: null, logIndex };
};
const get = (id: string, call: number, ret: number, logIndex: number, output: KvOutput): Logged => ({
  id,
  client: Math.round(call * 2),
  call,
  return: ret,
  input: { type: "get", key: "x" },
  outcome: "ok",
  output,
  logIndex,
});

const log = [entry(2, "a", "a"), entry(3, "b", "b"), entry(5, "c", "c")];
const good = [put("a", 1, 2, 2), put("b", 3, 4, 3), put("c", 5, 6, 5)];

test("replies that the log confirms, with gets between entries and in gaps, are linearizable", () => {
  const gets = [
    get("g1", 0, 10, 0, null),
    get("g2", 1.5, 10, 3, "b"),
    get("g3", 2.5, 10, 4, "b"),
    get("g4", 7, 8, 5, "c"),
  ];
  expect(checkCommitOrder(kvModel, log, [...good, ...gets])).toEqual({
    verdict: "linearizable",
    problems: [],
    decided: new Map(),
  });
});

test("a return and a call at one time count as concurrent", () => {
  expect(checkCommitOrder(kvModel, log, [...good, get("g", 6, 7, 3, "b")]).verdict).toBe("linearizable");
});

test("the log decides what became of unknown outcomes", () => {
  const history = [...good.slice(0, 2), put("c", 5, "unknown", 0), put("d", 6, "unknown", 0)];
  const { verdict, decided } = checkCommitOrder(kvModel, log, history);
  expect(verdict).toBe("linearizable");
  expect([...decided]).toEqual([
    [2, 5],
    [3, null],
  ]);
});

test("of a retried operation the first entry counts, and its reply may name any", () => {
  const retried = [...log, entry(6, "a", "a")];
  for (const logIndex of [2, 6]) {
    const history = [put("a", 1, 9, logIndex), ...good.slice(1), get("g", 10, 11, 6, "c")];
    expect(checkCommitOrder(kvModel, retried, history).verdict).toBe("linearizable");
  }
  // A store that applied it twice shows.
  const twice = [put("a", 1, 9, 2), ...good.slice(1), get("g", 10, 11, 6, "a")];
  expect(checkCommitOrder(kvModel, retried, twice).problems.map(({ type }) => type)).toEqual(["wrongReply"]);
});

test("a get that goes through the log is answered at its entry, at the later one if that answered", () => {
  const input = { type: "get", key: "x" } as const;
  const withGet: CommittedEntry<KvInput>[] = [
    ...log.slice(0, 2),
    { index: 4, id: "g", input },
    at(log, 2),
    { index: 6, id: "g", input },
  ];
  expect(checkCommitOrder(kvModel, withGet, [...good, get("g", 3.5, 9, 4, "b")]).verdict).toBe(
    "linearizable",
  );
  expect(checkCommitOrder(kvModel, withGet, [...good, get("g", 3.5, 9, 6, "c")]).verdict).toBe(
    "linearizable",
  );
  expect(checkCommitOrder(kvModel, withGet, [...good, get("g", 3.5, 9, 6, "b")]).verdict).toBe("illegal");
});

const cases: [string, CommitOrderProblemType, number | null, number | null, Logged[]][] = [
  ["a get that does not see its index", "wrongReply", 3, null, [...good, get("g", 7, 8, 5, "b")]],
  ["a stale get, true to its index", "realTime", 3, 2, [...good, get("g", 7, 8, 3, "b")]],
  [
    "gets that go back",
    "realTime",
    4,
    3,
    [...good.slice(0, 2), put("c", 5, 20, 5), get("g", 6, 7, 5, "c"), get("h", 8, 9, 3, "b")],
  ],
  [
    "a write committed before one that had returned",
    "realTime",
    0,
    1,
    [put("a", 8, 9, 2), put("b", 3, 4, 3), put("c", 8.5, 9, 5)],
  ],
  [
    "an unknown write committed before its call",
    "realTime",
    1,
    2,
    [put("a", 1, 2, 2), put("b", 9, "unknown", 0), put("c", 5, 6, 5)],
  ],
  ["an acknowledged write that is gone", "notInLog", 3, null, [...good, put("d", 7, 8, 6)]],
  ["a reply that names a foreign entry", "wrongIndex", 0, null, [put("a", 1, 2, 3), ...good.slice(1)]],
  ["a get from beyond the log", "wrongIndex", 3, null, [...good, get("g", 7, 8, 6, "c")]],
  ["a refusal that was none", "failedButCommitted", 0, null, [put("a", 1, "failed", 0), ...good.slice(1)]],
  [
    "an entry that says something else",
    "altered",
    1,
    null,
    [at(good, 0), put("b", 3, 4, 3, "B"), at(good, 2)],
  ],
  ["an entry that nobody asked for", "invented", null, null, good.slice(0, 2)],
];

test.each(cases)("%s is found", (_, type, index, other, history) => {
  const { verdict, problems } = checkCommitOrder(kvModel, log, history);
  expect(verdict).toBe("illegal");
  expect(problems).toEqual([{ type, index, other, message: expect.any(String) }]);
});

test("an operation without what it takes to judge it is refused", () => {
  const { logIndex: _, ...bare } = at(good, 0) as Logged & { logIndex: number };
  expect(() => checkCommitOrder(kvModel, log, [bare])).toThrow(
    expect.objectContaining({ code: "badInput", index: 0 }),
  );
  expect(() => checkCommitOrder(kvModel, log, [at(good, 0), { ...at(good, 1), id: "a" }])).toThrow("same id");
  expect(() => checkCommitOrder(kvModel, log.toReversed(), good)).toThrow(RangeError);
});
