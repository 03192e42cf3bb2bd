import { expect, test } from "vitest";
import { batchJson, parseBatch } from "../src/format/batch-json.ts";
import { WRONG_BATCHES } from "./support/wrong-files.ts";

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

test.each(WRONG_BATCHES)("a bad batch: %s", (text, message) => {
  expect(() => parseBatch("f", text)).toThrow(message);
});

test.each(["a", "AAA", "AA=", "not base64", "AAAA====", "/w", "_w==", "AB=="])(
  "%j is base64 of nothing",
  (value) => {
    const text = JSON.stringify({ do: [{ op: "put", key: "k", value_base64: value }] });
    expect(() => parseBatch("f", text)).toThrow("value_base64");
  },
);

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
