// docs/shipped-bugs.md names for each bug the tests that would notice it. They exist, and no row is missing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const DOCS = join(import.meta.dirname, "..", "docs");
const ROW = /^\| (?<row>\d+) \|.*\| (?<proof>[^|]+) \|$/gm;
const LINK = /\[[^\]]+\]\((?<file>[^)]+)\)(?: "(?<name>[^"]+)")?/g;

const rows = Array.from(readFileSync(join(DOCS, "shipped-bugs.md"), "utf8").matchAll(ROW), ({ groups }) => ({
  row: Number(groups?.["row"]),
  proof: groups?.["proof"] ?? "",
}));

test("each of the 46 bugs has its row", () => {
  expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: 46 }, (_, at) => at + 1));
});

test.each(rows)("row $row: the tests it names exist", ({ row, proof }) => {
  const links = [...proof.matchAll(LINK)].map(({ groups }) => ({
    file: groups?.["file"] ?? "",
    name: groups?.["name"],
  }));
  expect(links.length).toBeGreaterThan(0);
  for (const { file, name } of links) {
    const path = join(DOCS, file);
    expect(existsSync(path), `row ${row}: ${file}`).toBe(true);
    // A whole cluster script is a test; of a test file one test is named, by the beginning of its name.
    if (file.endsWith(".txt")) continue;
    const tests = readFileSync(path, "utf8");
    expect(name !== undefined && tests.includes(`"${name}`), `row ${row}: "${name}" in ${file}`).toBe(true);
  }
});

test("each test that is named after a row is in that row", () => {
  const files = ["core", "runtime"].flatMap((name) => {
    const folder = `../packages/${name}/test`;
    const names = readdirSync(join(DOCS, folder)).filter((file) => file.startsWith("shipped-bugs"));
    return names.map((file) => `${folder}/${file}`);
  });
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) {
    const named = readFileSync(join(DOCS, file), "utf8").matchAll(/"row (?<row>\d+):/g);
    for (const { groups } of named) {
      const { proof } = rows.find(({ row }) => row === Number(groups?.["row"])) ?? { proof: "" };
      expect(proof).toContain(`(${file}) "row ${groups?.["row"]}:"`);
    }
  }
});
