// The first snippet of the README is a program, and runs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

test("the README's example runs and prints what it says", async () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const code = /^```ts\n(?<code>.*?)^```$/ms.exec(readme)?.groups?.["code"] ?? "";
  const file = join(import.meta.dirname, `.readme-${process.pid}.ts`);
  writeFileSync(file, code);
  onTestFinished(() => rmSync(file));
  const child = spawn(process.execPath, ["-C", "@eraft/source", file]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
  await once(child, "close");
  const printed = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text]) => text);
  expect(output).toBe(`${printed.join("\n")}\n`);
  expect(printed).toHaveLength(2);
});
