import { fileURLToPath } from "node:url";
import { execFile } from "node:child_process";
import { expect, test } from "vitest";

const TOOLS = [
  "members-run",
  "rolling-restart",
  "failover",
  "big-snapshot",
  "slow-followers",
  "overload",
  "watch-run",
];

/** Runs a tool as its script does. */
async function run(
  tool: string,
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = fileURLToPath(new URL(`${tool}/cli.ts`, import.meta.url));
  const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
  execFile(process.execPath, ["-C", "@eraft/source", script, ...args], (error, stdout, stderr) => {
    resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
  });
  return promise;
}

test.each(TOOLS)("pnpm %s tells what it does, and begins nothing with a wrong command line", async (tool) => {
  const [help, wrong] = await Promise.all([run(tool, "--help"), run(tool, "--fast", "yes")]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain(`Usage: pnpm ${tool} [FLAGS]`);
  expect(help.stdout).toContain("Exit codes:");
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toMatch(/^unknown flag --fast: [^\n]+\n$/);
});
