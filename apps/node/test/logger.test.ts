import { expect, test } from "vitest";
import { condense } from "../src/demo/condense.ts";
import { LOG_LEVELS, type LogLevel, createLogger } from "../src/logger.ts";

function logged(level: LogLevel, log: (logger: ReturnType<typeof createLogger>) => void): unknown[] {
  const lines: string[] = [];
  log(createLogger({ node: 2, level, write: (line) => void lines.push(line) }));
  for (const line of lines) expect(line).toMatch(/^[^\n]+\n$/);
  return lines.map((line): unknown => JSON.parse(line));
}

test.each(LOG_LEVELS)("level %s logs itself and what is worse", (level) => {
  const records = logged(level, (logger) => {
    for (const each of LOG_LEVELS) logger[each](each);
  });
  expect(records).toEqual(
    LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)).map((each) => {
      return { time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), level: each, node: 2, msg: each };
    }),
  );
});

test("details cannot break the line or pass for its own fields, and errors lose their stack", () => {
  const cause = Object.assign(new Error("disk\nfull"), { code: "ENOSPC" });
  const details = {
    level: "debug",
    node: 9,
    big: 2n ** 60n,
    bytes: new Uint8Array(3),
    peers: new Map([[1, "a:1"]]),
    error: new TypeError("broken", { cause }),
  };
  expect(logged("info", (logger) => logger.error("two\nlines", details))).toEqual([
    {
      time: expect.any(String),
      level: "error",
      node: 2,
      msg: "two\nlines",
      big: "1152921504606846976",
      bytes: "3 bytes",
      peers: { 1: "a:1" },
      error: {
        name: "TypeError",
        message: "broken",
        cause: { name: "Error", code: "ENOSPC", message: "disk\nfull" },
      },
    },
  ]);
});

test.each([
  [
    { level: "info", msg: "Now leader in term 3; leader: 1.", role: "leader", term: 3 },
    "leads in term 3, pid 42",
  ],
  [{ level: "info", msg: "Now follower in term 3.", role: "follower", term: 3 }, null],
  [{ level: "info", msg: "Started." }, null],
  [{ level: "warn", msg: "Node 1 is unreachable.", peer: 1 }, null],
  [
    { level: "info", msg: "Took a snapshot up to index 9.", lastIncludedIndex: 9 },
    "took a snapshot up to index 9",
  ],
  [{ level: "error", msg: "The storage failed: no space." }, "the storage failed: no space"],
])("the demo makes of %o: %s", (record, words) => {
  expect(condense(JSON.stringify(record), 42)).toBe(words);
});

test("the demo passes on what is no log record", () => {
  expect(condense("eraft: 127.0.0.1:5001 is in use already", 42)).toBe(
    "eraft: 127.0.0.1:5001 is in use already",
  );
});
