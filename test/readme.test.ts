// Every TypeScript snippet of the READMEs is a program, and runs.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
// Inside the repository, so that the snippets' imports find the workspace packages.
const scratch = mkdtempSync(join(ROOT, "test", ".snippets-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** The fenced ```ts blocks of a Markdown file. */
function snippetsOf(file: string): string[] {
  return [...readFileSync(join(ROOT, file), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(
    ([, code]) => code ?? "",
  );
}

async function run(code: string, name: string): Promise<{ status: number | null; output: string }> {
  const file = join(scratch, `${name}.ts`);
  writeFileSync(file, code);
  const child = spawn(process.execPath, ["-C", "@eraft/source", file], { cwd: scratch, timeout: 50_000 });
  let output = "";
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (output += text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("close", resolve);
  return { status: await promise, output };
}

describe.each(["README.md"])("%s", (file) => {
  const snippets = snippetsOf(file);

  test("has snippets", () => expect(snippets.length).toBeGreaterThan(0));

  test.each(snippets.map((code, at) => ({ at: at + 1, code })))("snippet $at runs", async ({ at, code }) => {
    const { status, output } = await run(code, `snippet-${at}`);
    expect(status, output).toBe(0);
    // A snippet says what it prints: `// prints: ...` at the end of a line.
    const printed = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text]) => text);
    for (const text of printed) expect(output).toContain(text);
  });
});
