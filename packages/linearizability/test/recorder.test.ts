import { expect, test } from "vitest";
import { checkLinearizable, HistoryRecorder, type KvInput, kvModel, type KvOutput } from "../src/index.ts";

const put = { type: "put", key: "x", value: "a" } as const;
const get = { type: "get", key: "x" } as const;

test("events are numbered in the order in which they are reported", () => {
  const recorder = new HistoryRecorder<KvInput, KvOutput>();
  const [a, b] = [recorder.newClient(), recorder.newClient()];
  const writing = recorder.call(a, put);
  const reading = recorder.call(b, get);
  reading.ok(null);
  writing.ok(null);
  recorder.call(b, put).failed();
  recorder.call(a, put).unknown();
  expect(recorder.operations()).toEqual([
    { client: 0, call: 1, input: put, outcome: "ok", return: 4, output: null },
    { client: 1, call: 2, input: get, outcome: "ok", return: 3, output: null },
    { client: 1, call: 5, input: put, outcome: "failed", return: 6 },
    { client: 0, call: 7, input: put, outcome: "unknown" },
  ]);
  expect(checkLinearizable(kvModel, recorder.operations()).verdict).toBe("linearizable");
});

test("a clock of the caller's is read at each event", () => {
  let now = 0.5;
  const recorder = new HistoryRecorder<KvInput, KvOutput>(() => now);
  const writing = recorder.call(3, put);
  now = 2.5;
  writing.ok(null);
  expect(recorder.operations()).toEqual([
    { client: 3, call: 0.5, input: put, outcome: "ok", return: 2.5, output: null },
  ]);
});

test("a client has one operation under way, and none after an unknown outcome", () => {
  const recorder = new HistoryRecorder<KvInput, KvOutput>();
  const writing = recorder.call(0, put);
  expect(() => recorder.call(0, get)).toThrow("under way");
  writing.unknown();
  expect(() => recorder.call(0, get)).toThrow("unknown outcome");
  expect(recorder.operations()).toHaveLength(1);
});

test("an answer that comes after the client gave up cannot change the record", () => {
  const recorder = new HistoryRecorder<KvInput, KvOutput>();
  const writing = recorder.call(0, put);
  writing.unknown();
  expect(() => writing.ok(null)).toThrow("recorded before");
  expect(recorder.operations()).toEqual([{ client: 0, call: 1, input: put, outcome: "unknown" }]);
});

test("what is under way when the history is taken counts as unknown", () => {
  const recorder = new HistoryRecorder<KvInput, KvOutput>();
  recorder.call(0, put);
  const before = recorder.operations();
  expect(before).toEqual([{ client: 0, call: 1, input: put, outcome: "unknown" }]);
  recorder.call(1, get).ok("a");
  expect(before).toHaveLength(1);
});
