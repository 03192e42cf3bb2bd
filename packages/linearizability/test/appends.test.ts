import { expect, test } from "vitest";
import {
  type AppendProblemType,
  checkAppends,
  type KvInput,
  type KvOutput,
  type Operation,
} from "../src/index.ts";

type Kv = Operation<KvInput, KvOutput>;

const get = (client: number, call: number, ret: number, output: KvOutput): Kv => ({
  client,
  call,
  return: ret,
  input: { type: "get", key: "x" },
  outcome: "ok",
  output,
});
const append = (client: number, call: number, ret: number | "unknown" | "failed", value: string): Kv => {
  const asked = { client, call, input: { type: "append", key: "x", value } } as const;
  if (ret === "unknown") return { ...asked, outcome: "unknown" };
  if (ret === "failed") return { ...asked, outcome: "failed", return: call + 0.5 };
  return { ...asked, outcome: "ok", return: ret, output: null };
};

const cases: [AppendProblemType, number, number | null, Kv[]][] = [
  [
    "diverged",
    2,
    3,
    [append(0, 1, 9, "a;"), append(1, 1, 9, "b;"), get(2, 2, 3, "b;"), get(3, 2, 3, "a;b;")],
  ],
  ["invented", 1, null, [append(0, 1, 2, "a;"), get(1, 3, 4, "a;zz;")]],
  ["duplicated", 1, 0, [append(0, 1, 2, "a;"), get(1, 3, 4, "a;a;")]],
  ["torn", 2, null, [append(0, 1, 9, "abc;"), get(1, 3, 4, "abc;"), get(2, 3, 4, "ab")]],
  ["invented", 1, null, [append(0, 1, 9, "abc;"), get(2, 3, 4, "ab")]],
  ["failedButSeen", 1, 0, [append(0, 1, "failed", "a;"), get(1, 3, 4, "a;")]],
  ["lost", 1, 0, [append(0, 1, 2, "a;"), get(1, 3, 4, null)]],
  ["lost", 1, 0, [append(0, 1, 2, "a;"), append(1, 3, 9, "b;"), get(2, 1.5, 4, "b;")]],
  ["stale", 1, 0, [append(0, 1, 2, "a;"), get(1, 3, 4, ""), get(2, 3, 9, "a;")]],
  ["nonMonotonic", 2, 1, [append(0, 1, 9, "a;"), get(1, 2, 3, "a;"), get(2, 4, 5, "")]],
  ["reordered", 1, 0, [append(0, 1, 2, "a;"), append(1, 3, 4, "b;"), get(2, 1, 9, "b;a;")]],
  ["premature", 1, 0, [get(0, 1, 2, "a;"), append(1, 3, 4, "a;")]],
];

test.each(cases)("%s: operation %i, against %s", (type, index, other, history) => {
  const { verdict, problems } = checkAppends(history);
  expect(verdict).toBe("illegal");
  expect(problems).toEqual([
    { type, key: "x", index, other, message: expect.stringContaining(`operation ${index}`) },
  ]);
});

test("a refused text may be appended again as a new operation", () => {
  const history = [append(0, 1, "failed", "a;"), append(0, 2, 3, "a;"), get(1, 4, 5, "a;")];
  expect(checkAppends(history)).toEqual({ verdict: "linearizable", problems: [] });
});

test.each([
  [
    "a put",
    [
      {
        client: 0,
        call: 1,
        return: 2,
        input: { type: "put", key: "x", value: "a" },
        outcome: "ok",
        output: null,
      },
    ],
  ],
  ["an empty text", [append(0, 1, 2, "")]],
  ["the same text twice", [append(0, 1, 2, "a;"), append(1, 1, 2, "a;")]],
  ["a text that begins with another", [append(0, 1, 2, "1"), append(1, 1, 2, "5"), append(2, 1, 2, "10")]],
] as [string, Kv[]][])("%s cannot be judged", (_, history) => {
  expect(() => checkAppends(history)).toThrow(
    expect.objectContaining({ name: "HistoryError", code: "badInput" }),
  );
});
