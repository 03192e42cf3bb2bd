import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("it prints what its README says", async () => {
  const program = join(import.meta.dirname, "counter.ts");
  const { stdout } = await promisify(execFile)(process.execPath, ["-C", "@eraft/source", program]);
  const readme = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  expect(readme).toContain(`\`\`\`\n${stdout}\`\`\``);
});
