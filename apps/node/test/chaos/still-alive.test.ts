import { once } from "node:events";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { STILL_ALIVE } from "./still-alive.ts";

const MODULE = new URL("still-alive.ts", import.meta.url).href;

/** How a process ends that has nothing to do but `leftover`, and whose exit code is to be 7. */
async function endOf(leftover: string): Promise<{ code: number | null; stderr: string }> {
  const script = `
    import { createServer } from "node:net";
    import { spawn } from "node:child_process";
    import { endOrSay } from "${MODULE}";
    process.exitCode = 7;
    ${leftover};
    endOrSay(100);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  const [stderr, [code]] = await Promise.all([text(child.stderr), closed]);
  return { code, stderr };
}

test("a process that has ended says nothing, and keeps its exit code", async () => {
  expect(await endOf("setTimeout(() => {}, 10)")).toEqual({ code: 7, stderr: "" });
});

test.each([
  ["a server that listens", "createServer().listen(0, '127.0.0.1')", /^ {2}tcp .*127\.0\.0\.1/m],
  ["a process that it waits for", "spawn('sleep', ['30'], { stdio: 'pipe' })", /^ {2}process .*sleep 30/m],
  ["a timer", "setTimeout(() => {}, 60_000)", /^ {2}Timeout/m],
])(
  "a process that cannot end because of %s says so, and ends with a code of its own",
  async (_what, leftover, said) => {
    const { code, stderr } = await endOf(leftover);
    expect(stderr).toMatch(said);
    expect(code).toBe(STILL_ALIVE);
  },
);
