import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Memory } from "../src/memory.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "eraft-memory-"));
  mkdirSync(join(root, "mutants"));
  writeFileSync(join(root, "a.test.ts"), "");
});

afterEach(() => rmSync(root, { recursive: true }));

test("what noticed a mutant is known to the next run", () => {
  const memory = new Memory(root);
  memory.learn("core/x", "a.test.ts");
  memory.write();
  expect(new Memory(root).fileFor("core/x")).toBe("a.test.ts");
  expect(new Memory(root).fileFor("core/y")).toBeNull();
});

test("a file that is gone is forgotten, and so is one that was not needed last time", () => {
  const memory = new Memory(root);
  memory.learn("core/x", "gone.test.ts");
  expect(memory.fileFor("core/x")).toBeNull();
  memory.learn("core/y", "a.test.ts");
  memory.learn("core/y", null);
  memory.write();
  expect(new Memory(root).fileFor("core/y")).toBeNull();
});
