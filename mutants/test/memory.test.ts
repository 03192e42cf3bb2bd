import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Memory } from "../src/memory.ts";
import type { Mutant } from "../src/mutant.ts";
import { tableOf } from "../src/table.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "eraft-memory-"));
  mkdirSync(join(root, "mutants"));
  writeFileSync(join(root, "a.test.ts"), "");
  writeFileSync(join(root, "source.ts"), "one two");
});

afterEach(() => rmSync(root, { recursive: true }));

const mutant = (id: string, find = "one"): Mutant => ({
  id,
  bug: "errs",
  file: "source.ts",
  find,
  replace: "1",
});
const killed = { killedBy: "core: a test", file: "a.test.ts", seconds: 1.23 };

test("what became of a mutant is known to the next run, as long as neither it nor its file has changed", () => {
  const [x, y] = [mutant("core/x"), mutant("core/y")];
  const memory = new Memory(root);
  memory.learn(x, killed);
  memory.learn(y, { killedBy: null, file: null, seconds: 40 });
  memory.write([x, y]);
  const next = new Memory(root);
  expect(next.examined(x)).toMatchObject({ killedBy: "core: a test", seconds: 1.2 });
  expect(next.examined(y)).toMatchObject({ killedBy: null });
  expect(next.examined(mutant("core/z"))).toBeNull();
  expect(next.examined(mutant("core/x", "two"))).toBeNull();
  writeFileSync(join(root, "source.ts"), "one two three");
  expect(next.examined(x)).toBeNull();
  // It is still the first place to look.
  expect(next.fileFor("core/x")).toBe("a.test.ts");
});

test("a test file that is gone is forgotten, and so is a mutant that is gone", () => {
  const memory = new Memory(root);
  memory.learn(mutant("core/x"), { ...killed, file: "gone.test.ts" });
  expect(memory.fileFor("core/x")).toBeNull();
  memory.learn(mutant("core/y"), killed);
  memory.write([mutant("core/x")]);
  expect(new Memory(root).fileFor("core/y")).toBeNull();
});

test("the table says what is not known", () => {
  const examined = { ...killed, digest: "0" };
  const rows = [
    { mutant: mutant("core/x"), examined },
    { mutant: mutant("core/y"), examined: null },
    { mutant: mutant("kv/z"), examined: { ...examined, killedBy: null } },
  ];
  const table = tableOf(rows);
  expect(table).toContain("2 mutants, 1 killed, 1 survive;");
  expect(table).toContain("; 1 more have changed since they were examined, or never were**");
  expect(table).toContain("| x | errs |  | core: a test | 1.2 |");
  expect(table).toContain("| y | errs |  | not examined |  |");
  expect(table).toContain("| z | errs |  | **survives** | 1.2 |");
});
