import { expect, test } from "vitest";
import { batchJson, parseBatch } from "../src/format/batch-json.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a batch of everything", () => {
  const text = JSON.stringify({
    when: [
      { key: "a", value: "1" },
      { key_base64: "/w==", exists: false },
      { key: "b", mod_revision: 7 },
      { key: "c", value_base64: "/w==" },
    ],
    do: [
      { op: "get", key: "a" },
      { op: "put", key: "b", value: "" },
      { op: "append", key: "c", value_base64: "/w==" },
      { op: "delete", key: "d" },
    ],
  });
  const ff = Uint8Array.of(0xff);
  const { when, operations } = parseBatch("f", text);
  expect(when.map((condition) => Object.entries(condition).map(([k, v]) => [k, plain(v)]))).toEqual([
    [
      ["key", [97]],
      ["value", [49]],
    ],
    [
      ["key", [...ff]],
      ["exists", false],
    ],
    [
      ["key", [98]],
      ["modRevision", 7],
    ],
    [
      ["key", [99]],
      ["value", [...ff]],
    ],
  ]);
  expect(operations.map((operation) => Object.values(operation).map(plain))).toEqual([
    ["get", [97]],
    ["put", [98], []],
    ["append", [99], [...ff]],
    ["delete", [100]],
  ]);
});

function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? [...value] : value;
}

/** A document, and what its one line on stderr says. */
const WRONG: readonly (readonly [string, string])[] = [
  ["{", "f is no JSON"],
  ["[]", "f is [], not an object"],
  ["{}", "f has no operations"],
  ['{"do":[]}', "f has no operations"],
  ['{"do":{}}', "f has {} as do, not a list"],
  ['{"doo":[]}', 'f has "doo", which means nothing: there are when, do'],
  ['{"do":[1]}', "operation 0 is 1, not an object"],
  [
    '{"do":[{"op":"put","key":"a","value":"1"},{"op":"pat","key":"a"}]}',
    'operation 1 has "pat" as op, not one of get, put',
  ],
  ['{"do":[{"key":"a"}]}', "operation 0 has nothing as op"],
  ['{"do":[{"op":"get"}]}', "has neither key nor key_base64"],
  ['{"do":[{"op":"get","key":"a","key_base64":"YQ=="}]}', "has both key and key_base64"],
  ['{"do":[{"op":"get","key":1}]}', "has 1 as key, not text"],
  ['{"do":[{"op":"get","key_base64":"a"}]}', "has no base64 in key_base64"],
  ['{"do":[{"op":"get","key":"\\ud800"}]}', "has a lone surrogate in key"],
  ['{"do":[{"op":"put","key":"a"}]}', "has neither value nor value_base64"],
  ['{"do":[{"op":"get","key":"a","value":"1"}]}', 'has "value", which means nothing'],
  ['{"when":[{"key":"a"}],"do":[{"op":"get","key":"a"}]}', "condition 0 has nothing: one of"],
  ['{"when":[{"key":"a","exists":true,"value":""}],"do":[]}', "condition 0 has value and exists: one of"],
  ['{"when":[{"key":"a","exists":"yes"}],"do":[]}', "an exists that is neither true nor false"],
  ['{"when":[{"key":"a","mod_revision":0}],"do":[]}', "has 0 as mod_revision, not a whole number from 1"],
  ['{"when":[{"key":"a","mod_revision":1.5}],"do":[]}', "has 1.5 as mod_revision"],
];

test.each(WRONG)("a bad batch: %s", (text, message) => {
  expect(() => parseBatch("f", text)).toThrow(message);
});

test("what a batch has done, as JSON", () => {
  const operations = [
    { op: "get", key: "a" },
    { op: "get", key: "b" },
    { op: "put", key: "c", value: "1" },
    { op: "delete", key: "d" },
  ] as const;
  const item = {
    key: utf8("a"),
    value: utf8("1"),
    createRevision: 1,
    modRevision: 2,
    keyText: "a",
    text: "1",
  };
  expect(batchJson(operations, { done: true, revision: 3, results: [item, null, null, true] })).toEqual({
    done: true,
    revision: 3,
    results: [
      { item: { key: "a", value: "1", create_revision: 1, mod_revision: 2 } },
      { item: null },
      {},
      { deleted: true },
    ],
  });
  expect(batchJson(operations, { done: false, revision: 3, failedCondition: 0 })).toEqual({
    done: false,
    revision: 3,
    failed_condition: 0,
  });
});
