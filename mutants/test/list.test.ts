import { join } from "node:path";
import { expect, test } from "vitest";
import { MUTANTS } from "../list/index.ts";
import { mutated } from "../src/apply.ts";
import { killersOf } from "../src/killers.ts";
import { editsOf, folderOf } from "../src/mutant.ts";

const ROOT = join(import.meta.dirname, "../..");

test.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))("%s fits the sources", (_id, mutant) => {
  expect(mutated(ROOT, mutant).size).toBeGreaterThan(0);
  expect(killersOf(mutant).length).toBeGreaterThan(0);
});

test("every mutant has a name of its own, in the package that it changes", () => {
  const ids = MUTANTS.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const mutant of MUTANTS) {
    for (const { file, find, replace } of editsOf(mutant)) {
      expect(file).toMatch(new RegExp(`^${folderOf(mutant)}/src/`));
      expect(replace).not.toBe(find);
    }
  }
});

test("no bug is in the list twice", () => {
  const edits = MUTANTS.map((mutant) => JSON.stringify(editsOf(mutant)));
  expect(new Set(edits).size).toBe(edits.length);
});
