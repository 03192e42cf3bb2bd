// A package's README begins with an example that runs. Programs are the TypeScript blocks that say what they print.
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
/** Whose examples are plain JavaScript, and say so. */
const UNTYPED: readonly string[] = ["runtime"];

const PROMISE = /\/\/ prints: (?<text>.*)$/gm;

// Inside the repository, so that the imports find the workspace packages.
const scratch = mkdtempSync(join(ROOT, "test", ".snippets-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const programs = globSync("packages/*/README.md", { cwd: ROOT })
  .toSorted()
  .flatMap((readme) => {
    const name = basename(dirname(readme));
    const blocks = readFileSync(join(ROOT, readme), "utf8").matchAll(/^```(?:ts|js)\n(?<code>.*?)^```$/gms);
    return [...blocks]
      .map(({ groups }) => groups?.["code"] ?? "")
      .filter((code) => code.includes("// prints: "))
      .map((code, at) => ({ name, number: at + 1, code }));
  });
for (const { name, number, code } of programs) writeFileSync(join(scratch, `${name}-${number}.ts`), code);

async function run(
  command: string,
  ...args: readonly string[]
): Promise<{ status: number | null; output: string }> {
  const child = spawn(command, args, { timeout: 50_000 });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("close", resolve);
  return { status: await promise, output };
}

test("these packages show an example that runs", () => {
  const shown = new Set(programs.map(({ name }) => name));
  for (const name of [
    "core",
    "http2",
    "kv",
    "linearizability",
    "proto",
    "simulation",
    "storage-memory",
    "storage-wal",
    "transport-connect",
    "transport-memory",
  ]) {
    expect(shown).toContain(name);
  }
});

test.concurrent.each(programs)(
  "$name: program $number prints what it says",
  async ({ name, number, code }) => {
    const file = join(scratch, `${name}-${number}.ts`);
    const { status, output } = await run(process.execPath, "-C", "@eraft/source", file);
    expect(status, output).toBe(0);
    for (const { groups } of code.matchAll(PROMISE)) expect(output).toContain(groups?.["text"]);
  },
);

test("the programs have the types they seem to have", async () => {
  const exclude = UNTYPED.map((name) => `${name}-*.ts`);
  const config = { extends: "../../tsconfig.test.json", include: ["*.ts"], exclude };
  writeFileSync(join(scratch, "tsconfig.json"), JSON.stringify(config));
  const { status, output } = await run("tsc", "-p", scratch);
  expect(status, output).toBe(0);
});
