import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { runMain } from "./support/run-main.ts";

let script = "";
beforeAll(async () => {
  script = (await runMain("completion", "bash")).stdout;
});

/** What bash offers for a command line whose last word is still being typed. */
async function offers(...words: readonly string[]): Promise<readonly string[]> {
  const quoted = ["eraft", ...words].map((word) => `'${word}'`).join(" ");
  const program = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _eraft; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)("bash", ["--norc", "-c", program]);
  return stdout.split("\n").filter((line) => line !== "");
}

test("bash completes commands, those of a group, and their beginnings", async () => {
  const all = await offers("");
  expect(all).toContain("serve");
  expect(all).toContain("delete");
  expect(all.filter((word) => word === "member")).toEqual(["member"]);
  expect(await offers("s")).toEqual(["serve", "scan", "status"]);
  expect(await offers("member", "")).toEqual([
    "list",
    "add",
    "promote",
    "demote",
    "remove",
    "replace",
    "move",
  ]);
  expect(await offers("member", "re")).toEqual(["remove", "replace"]);
});

test("bash completes the flags of a command, and no others", async () => {
  expect(await offers("scan", "--k")).toEqual(["--keys-only"]);
  expect(await offers("scan", "user/", "--limit", "3", "--d")).toEqual(["--descending"]);
  expect(await offers("get", "--k")).toEqual([]);
  expect(await offers("member", "add", "--l")).toEqual(["--learner"]);
  expect(await offers("scan", "--h")).toEqual(["--help"]);
});

test("bash completes values where there are few, and leaves the others alone", async () => {
  expect(await offers("scan", "--consistency", "l")).toEqual(["linearizable", "lease"]);
  expect(await offers("serve", "--storage", "")).toContain("wal");
  expect(await offers("scan", "--limit", "")).toEqual([]);
  expect(await offers("completion", "")).toEqual(["bash", "zsh", "fish"]);
});

test.each(["zsh", "fish"])("the script for %s has every command and every flag", async (shell) => {
  const { stdout } = await runMain("completion", shell);
  for (const word of ["serve", "scan", "import", "member", "promote", "keys-only", "linearizable"]) {
    expect(stdout).toContain(word);
  }
});
