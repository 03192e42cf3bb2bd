// Every snippet of the README that imports something is a program, and runs.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const markdown = readFileSync(join(import.meta.dirname, "..", "README.md"), "utf8");
const blocks = [...markdown.matchAll(/^```ts\n(?<code>import .*?)^```$/gms)];
const programs = blocks.map(({ groups }, at) => ({ at: at + 1, code: groups?.["code"] ?? "" }));

// Inside the package, so that imports find the workspace packages.
const scratch = mkdtempSync(join(import.meta.dirname, ".snippets-"));
afterAll(() => rmSync(scratch, { recursive: true }));

test("there are programs", () => {
  expect(programs.length).toBeGreaterThanOrEqual(3);
});

test.each(programs)("program $at runs and prints what it says", async ({ at, code }) => {
  const file = join(scratch, `program-${at}.mjs`);
  writeFileSync(file, code);
  const child = spawn(process.execPath, ["-C", "@eraft/source", file], { timeout: 50_000 });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("close", resolve);
  expect(await promise, output).toBe(0);
  const printed = [...code.matchAll(/\/\/ (?:.*; )?prints: (.*)$/gm)].map(([, text]) => text);
  expect(output.trim().split("\n")).toEqual(printed);
});
