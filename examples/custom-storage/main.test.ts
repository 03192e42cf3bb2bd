import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("it prints what its README says", async () => {
  const program = join(import.meta.dirname, "main.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["-C", "@eraft/source", program]);
  const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  expect(readme).toContain(`\`\`\`\n${stdout}\`\`\``);
});

test("the storage is the one that the README of the kit tells of", () => {
  const kit = readFileSync(join(import.meta.dirname, "../../packages/conformance/README.md"), "utf8");
  for (const file of ["file-storage.ts", "file-storage.test.ts"]) {
    expect(kit).toContain(`\n${readFileSync(join(import.meta.dirname, file), "utf8")}\`\`\``);
  }
});
