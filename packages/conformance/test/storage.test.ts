import { mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type StorageHarness, type StorageSite, storageCases } from "@eraft/conformance";
import { expect, test } from "vitest";
import { fileStorage } from "./readme/file-storage.ts";

interface DirectorySite extends StorageSite {
  readonly file: string;
}

/** The storage of the README, on the real disk, where processes may be killed but the power stays on. */
const harness: StorageHarness<DirectorySite> = {
  create: () => {
    const directory = mkdtempSync(join(tmpdir(), "eraft-conformance-"));
    const file = join(directory, "raft");
    return {
      file,
      storage: () => fileStorage(file),
      kill: () => {},
      contents: () => readFileSync(file, "latin1"),
      dispose: () => rmSync(directory, { recursive: true }),
    };
  },
  supports: { kill: true, exclusiveOpen: false },
  damages: [{ name: "a file cut short", inflict: ({ file }) => truncateSync(file, 100) }],
};

for (const { name, run } of storageCases(harness)) test(name, () => run());

test("what a harness does not claim is not asked", () => {
  const all = namesOf({ ...harness, supports: { kill: true, powerLoss: true } });
  const few = namesOf({
    create: harness.create,
    supports: { exclusiveOpen: false, readableWhileReplaced: false },
  });
  expect(few.length).toBeGreaterThan(30);
  const left = all.filter((name) => !few.includes(name));
  expect(left.length).toBe(all.length - few.length);
  for (const name of left)
    expect(name).toMatch(/kill|power|second opener|cut short|newer ones|committed while a batch/);
});

test("every case has a name of its own", () => {
  const names = namesOf(harness);
  expect(new Set(names).size).toBe(names.length);
});

function namesOf(some: StorageHarness<DirectorySite>): string[] {
  return storageCases(some).map(({ name }) => name);
}
