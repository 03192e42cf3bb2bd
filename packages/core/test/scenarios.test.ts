import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { play } from "./scenarios/language/play.ts";

const directory = join(import.meta.dirname, "scenarios");
const files = readdirSync(directory).filter((name) => name.endsWith(".txt"));

/** Rewrites the expectations: `UPDATE=1 pnpm exec vitest run packages/core/test/scenarios.test.ts`. What changed is for the reader of the diff to judge. */
const isUpdate = process.env["UPDATE"] === "1";

test("the scripts are found", () => {
  expect(files.length).toBeGreaterThan(20);
});

test.each(files)("%s", (file) => {
  const path = join(directory, file);
  const played = play(file, readFileSync(path, "utf8"));
  if (isUpdate) writeFileSync(path, played);
  expect(played).toBe(readFileSync(path, "utf8"));
});
