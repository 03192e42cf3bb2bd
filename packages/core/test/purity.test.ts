import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const source = new URL("../src/", import.meta.url);
const files = readdirSync(source).filter((name) => name.endsWith(".ts"));

/** Time, chance, I/O and the machine: a core that uses one of them cannot be replayed. */
const FORBIDDEN = [
  "Date",
  "performance",
  "Math.random",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "process",
  "console",
  "crypto",
  "fetch",
  "globalThis",
  "async",
  "await",
  "Promise",
];

/** The code without its comments, which may speak of anything. */
function codeOf(name: string): string {
  return readFileSync(new URL(name, source), "utf8")
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "");
}

test("there is something to check", () => {
  expect(files).toContain("raft.ts");
  expect(codeOf("raft.ts")).toMatch(/class Raft/);
  expect(codeOf("raft.ts")).not.toMatch(/dissertation/);
});

test.each(files)("%s imports only files beside it", (name) => {
  const imports = [...codeOf(name).matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(
    ([, target]) => target,
  );
  for (const target of imports) expect(files).toContain(target?.replace("./", ""));
});

// The ports describe what others do with promises and async iterables; they contain no code at all.
test.each(files.filter((name) => name !== "ports.ts"))(
  "%s names nothing that differs from run to run",
  (name) => {
    const code = codeOf(name);
    const used = FORBIDDEN.filter((word) => new RegExp(`\\b${word.replace(".", "\\.")}\\b`).test(code));
    expect(used).toEqual([]);
  },
);

test("the ports are types only", () => {
  expect(codeOf("ports.ts")).not.toMatch(/\b(class|function|const|let)\b/);
});

test("the package depends on nothing but, for its tests, vitest", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as Record<
    string,
    object
  >;
  const kinds = Object.keys(manifest).filter((key) => /dependencies/i.test(key));
  const named = kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}).map((name) => [kind, name]));
  expect(named.filter(([kind, name]) => kind !== "devDependencies" || name !== "vitest")).toEqual([]);
});
