// Every TypeScript snippet of the README is a program, and runs.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

interface Snippet {
  /** The file other snippets import it as; null for a program of its own. */
  readonly file: string | null;
  readonly code: string;
}

/** The blocks fenced as ```ts, or as ```ts some-file.ts. */
function snippetsOf(markdown: string): Snippet[] {
  const blocks = markdown.matchAll(/^```ts(?: (?<file>\S+))?\n(?<code>.*?)^```$/gms);
  return [...blocks].map(({ groups }) => ({ file: groups?.["file"] ?? null, code: groups?.["code"] ?? "" }));
}

const snippets = snippetsOf(readFileSync(join(ROOT, "README.md"), "utf8"));
const programs = snippets.filter(({ file }) => file === null).map(({ code }, at) => ({ at: at + 1, code }));

// Inside the repository, so that the snippets' imports find the workspace packages.
const scratch = mkdtempSync(join(ROOT, "test", ".snippets-"));
afterAll(() => rmSync(scratch, { recursive: true }));
for (const { file, code } of snippets) if (file !== null) writeFileSync(join(scratch, file), code);

async function run(file: string): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, ["-C", "@eraft/source", file], { timeout: 50_000 });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("close", resolve);
  return { status: await promise, output };
}

test("the README shows embedding, members that change, another storage and another transport", () => {
  expect(programs).toHaveLength(4);
});

test.each(programs)("README program $at runs and prints what it says", async ({ at, code }) => {
  const file = join(scratch, `program-${at}.ts`);
  writeFileSync(file, code);
  const { status, output } = await run(file);
  expect(status, output).toBe(0);
  const printed = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text]) => text);
  expect(printed.length).toBeGreaterThan(0);
  for (const text of printed) expect(output).toContain(text);
});

test("README snippets have the types they seem to have", async () => {
  writeFileSync(
    join(scratch, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.test.json", include: ["*.ts"] }),
  );
  const child = spawn("tsc", ["-p", scratch], { timeout: 50_000 });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("close", resolve);
  expect(await promise, output).toBe(0);
});
