import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MUTANTS } from "../list/index.ts";
import { killersOf } from "../src/killers.ts";
import type { Mutant } from "../src/mutant.ts";

const ROOT = join(import.meta.dirname, "../..");
const mutant = (id: string): Mutant => ({ id, bug: "errs", file: "a.ts", find: "a", replace: "b" });
const asked = (id: string, file: string): string[] =>
  killersOf(mutant(id))
    .filter(({ ofFile }) => (ofFile?.(file) ?? null) !== null)
    .map(({ name }) => name);

test("every mutant of the list has somebody to find it", () => {
  for (const one of MUTANTS) expect(killersOf(one).length, one.id).toBeGreaterThan(0);
});

test("a test file is asked for a mutant only by who has it among its tests", () => {
  expect(asked("runtime/x", "packages/runtime/test/node.test.ts")).toEqual(["tests of runtime"]);
  expect(asked("runtime/x", "packages/kv/test/watch.test.ts")).toEqual(["tests of kv"]);
  expect(asked("runtime/x", "packages/core/test/raft.test.ts")).toEqual([]);
  expect(asked("kv/x", "packages/kv/test-of-another/watch.test.ts")).toEqual([]);
  // It starts processes, of what is built; in a copy nothing is, so it fails there with and without a mutant.
  expect(asked("node/x", "apps/node/test/cluster.test.ts")).toEqual([]);
  expect(asked("node/x", "apps/node/test/format.test.ts")).toEqual(["tests of node"]);
});

test("the tests of the command line that are asked are there", () => {
  const files = readdirSync(join(ROOT, "apps/node/test"), { recursive: true, encoding: "utf8" });
  const those = files.filter((file) => asked("node/x", `apps/node/test/${file}`).length > 0);
  expect(those.length).toBeGreaterThan(20);
  for (const file of those) expect(existsSync(join(ROOT, "apps/node/test", file))).toBe(true);
});
