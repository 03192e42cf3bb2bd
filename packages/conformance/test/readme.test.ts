import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { brokenStateMachines } from "./fixtures/broken-state-machines.ts";
import { brokenStorages } from "./fixtures/broken-storages.ts";
import { brokenTransports } from "./fixtures/broken-transports.ts";

const read = (...path: string[]): string => readFileSync(join(import.meta.dirname, ...path), "utf8");

/** The block fenced as ```ts <file>. */
function listingOf(file: string): string | undefined {
  const blocks = read("..", "README.md").matchAll(/^```ts (?<file>\S+)\n(?<code>.*?)^```$/gms);
  return [...blocks].find(({ groups }) => groups?.["file"] === file)?.groups?.["code"];
}

test.each(["file-storage.ts", "file-storage.test.ts"])(
  "the README's %s is the file that is run here",
  (file) => {
    expect(listingOf(file)).toBe(read("readme", file));
  },
);

// Copied, as an example is to be whole in its folder, and a package to import nothing from outside of its own.
test.each(["file-storage.ts", "file-storage.test.ts"])("it is the same %s as the example's", (file) => {
  const example = read("..", "..", "..", "examples", "custom-storage", file);
  expect(example).toBe(read("readme", file));
});

test("as many broken backends are caught as the README says", () => {
  const counts = [brokenStorages, brokenTransports, brokenStateMachines].map(({ length }) => length);
  const said = /(\d+) storages, (\d+)\stransports and (\d+) state machines/.exec(read("..", "README.md"));
  expect(said?.slice(1).map(Number)).toEqual(counts);
});

test("the storage is as short as the README says", () => {
  const body = /^export function fileStorage.*?^\}$/ms.exec(read("readme", "file-storage.ts"))?.[0];
  expect(body?.split("\n")).toHaveLength(25);
});
