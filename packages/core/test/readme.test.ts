import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

test("the README's example runs and prints what it says", () => {
  const markdown = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const code = /^```ts\n(.*?)^```$/ms.exec(markdown)?.[1] ?? "";
  const promised = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(([, text]) => text);
  expect(promised).toHaveLength(3);
  // Beside the tests, so that the import finds the package.
  const file = join(import.meta.dirname, ".readme-example.ts");
  writeFileSync(file, code);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-C", "@eraft/source", file], {
    encoding: "utf8",
  });
  rmSync(file);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.trim().split("\n")).toEqual(promised);
});
