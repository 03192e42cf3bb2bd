// docs/found-bugs.md names for each bug its tests and its mutant. They exist.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MUTANTS } from "../list/index.ts";

const DOCS = join(import.meta.dirname, "../../docs");
const ROW = /^\| (?<bug>[^|]+)(?: \| [^|]+){3} \| (?<tests>[^|]+) \| (?<mutant>[^|]+) \|$/gm;
const LINK = /\[[^\]]+\]\((?<file>[^)]+\.test\.ts)\)(?: "(?<name>[^"]+)")?/g;

const text = readFileSync(join(DOCS, "found-bugs.md"), "utf8");
const rows = Array.from(text.matchAll(ROW), ({ groups }) => ({
  bug: groups?.["bug"] ?? "",
  tests: groups?.["tests"] ?? "",
  mutant: groups?.["mutant"] ?? "",
})).filter(({ bug }) => bug !== "bug");
const ids = new Set(MUTANTS.map(({ id }) => `\`${id}\``));

/** Fails unless the test named behind each link is in its file. */
function checkLinks(markdown: string): number {
  const links = [...markdown.matchAll(LINK)];
  for (const { groups } of links) {
    const { file = "", name = "" } = groups ?? {};
    const path = join(DOCS, file);
    expect(existsSync(path), file).toBe(true);
    expect(readFileSync(path, "utf8"), file).toContain(`"${name}`);
  }
  return links.length;
}

test.each(rows)("$bug: its tests and its mutant exist", ({ tests, mutant }) => {
  expect(checkLinks(tests)).toBeGreaterThan(0);
  expect(ids.has(mutant) || mutant.startsWith("none: "), mutant).toBe(true);
});

test("no row is overlooked, and what else the page links exists, too", () => {
  const product = text.slice(0, text.indexOf("\n## In the instruments"));
  const lines = product.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| bug |"));
  expect(rows).toHaveLength(lines.length);
  expect(checkLinks(text)).toBeGreaterThan(rows.length);
});
