import { stateMachineCases } from "@eraft/conformance";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type LockCommand, commands, lockMachine } from "./lock-machine.ts";

const COMMANDS: readonly LockCommand[] = [
  { op: "openSession", ttlMs: 50, elapsedMs: 0 },
  { op: "openSession", ttlMs: 500, elapsedMs: 5 },
  { op: "acquire", session: 1, lock: "a", elapsedMs: 5 },
  { op: "acquire", session: 2, lock: "a", elapsedMs: 5 },
  { op: "keepAlive", session: 2, elapsedMs: 5 },
  { op: "tick", elapsedMs: 60 },
  { op: "acquire", session: 2, lock: "a", elapsedMs: 0 },
  { op: "acquire", session: 1, lock: "b", elapsedMs: 0 },
  { op: "release", session: 2, lock: "a", elapsedMs: 5 },
];

const cases = stateMachineCases({
  create: lockMachine,
  commands: COMMANDS.map((command) => commands.encode(command)),
  queries: ["a", "b"],
});
for (const { name, run } of cases) test(name, () => run());

async function resultsOf(...given: readonly LockCommand[]): Promise<readonly unknown[]> {
  const applied = given.map((command, at) => ({ index: at + 1, command: commands.encode(command) }));
  return lockMachine().apply(applied);
}

test("a lock has one holder, whose token never comes again", async () => {
  const results = await resultsOf(...COMMANDS);
  expect(results.slice(2, 4)).toEqual([{ type: "held", token: 3 }, { type: "taken" }]);
  // The first session has expired, and its lock is the other's.
  expect(results.slice(6, 8)).toEqual([{ type: "held", token: 7 }, { type: "expired" }]);
});

test("who asks again for what it has, is told the same token", async () => {
  const acquire = { op: "acquire", session: 1, lock: "a", elapsedMs: 0 } as const;
  const results = await resultsOf({ op: "openSession", ttlMs: 50, elapsedMs: 0 }, acquire, acquire);
  expect(results.slice(1)).toEqual([
    { type: "held", token: 2 },
    { type: "held", token: 2 },
  ]);
});

test("nobody releases the lock of another", async () => {
  const results = await resultsOf(
    { op: "openSession", ttlMs: 50, elapsedMs: 0 },
    { op: "openSession", ttlMs: 50, elapsedMs: 0 },
    { op: "acquire", session: 1, lock: "a", elapsedMs: 0 },
    { op: "release", session: 2, lock: "a", elapsedMs: 0 },
    { op: "acquire", session: 2, lock: "a", elapsedMs: 0 },
  );
  expect(results.at(-1)).toEqual({ type: "taken" });
});

test("what is no command of it is refused, and no server stops", async () => {
  const bad = [
    "",
    "{",
    "null",
    '{"op":"tick"}',
    '{"op":"acquire","session":1,"elapsedMs":0}',
    '{"op":"steal","elapsedMs":0}',
  ];
  const applied = bad.map((text, at) => ({ index: at + 1, command: new TextEncoder().encode(text) }));
  expect(await lockMachine().apply(applied)).toEqual(bad.map(() => ({ type: "malformed" })));
});

test("it prints what its README says", async () => {
  const program = join(import.meta.dirname, "main.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["-C", "@eraft/source", program]);
  const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  expect(readme).toContain(`\`\`\`\n${stdout}\`\`\``);
});
