import { expect, test } from "vitest";
import { runMain } from "./support/run-main.ts";
import { WRONG_COMMAND_LINES } from "./support/wrong-command-lines.ts";

test.each(
  WRONG_COMMAND_LINES.map(([argv, ...words]) => ({ line: argv.join(" ").slice(0, 60), argv, words })),
)("wrong command line: eraft $line", async ({ argv, words }) => {
  const { code, stdout, stderr } = await runMain(...argv);
  expect(stderr).toMatch(/^eraft: [^\n]+\n$/);
  for (const word of words) expect(stderr).toContain(word);
  expect(stdout).toBe("");
  expect(code).toBe(2);
});

const COMMANDS = [
  "serve",
  "demo",
  "put",
  "get",
  "append",
  "delete",
  "cas",
  "scan",
  "watch",
  "batch",
  "export",
  "import",
  "status",
  "member list",
  "member add",
  "member promote",
  "member demote",
  "member remove",
  "member replace",
  "member move",
  "transfer",
  "wal dump",
  "completion",
];

test("eraft --help names every command", async () => {
  for (const argv of [["--help"], ["-h"], ["help"]]) {
    const { code, stdout, stderr } = await runMain(...argv);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(String.raw`^  ${command} `, "m"));
    expect(stderr).toBe("");
  }
});

test.each(COMMANDS)("eraft %s --help tells its usage, also beside mistakes", async (command) => {
  const { code, stdout, stderr } = await runMain(...command.split(" "), "--no-such-flag", "--help");
  expect(code).toBe(0);
  expect(stdout).toContain(`Usage: eraft ${command} [FLAGS]`);
  expect(stdout.split("\n").every((line) => line.length <= 100)).toBe(true);
  expect(stderr).toBe("");
});

test.each([
  "put",
  "get",
  "append",
  "delete",
  "cas",
  "scan",
  "watch",
  "batch",
  "export",
  "import",
  "completion",
])("eraft %s --help teaches by example", async (command) => {
  const { stdout } = await runMain(command, "--help");
  expect(stdout.split(`\n  eraft ${command}`).length).toBeGreaterThan(2);
});

test.each(["member", "wal"])("eraft %s --help names its commands and no others", async (group) => {
  const { code, stdout, stderr } = await runMain(group, "--help");
  for (const command of COMMANDS)
    expect(stdout.includes(`\n  ${command} `)).toBe(command.startsWith(`${group} `));
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
});

test("--help after -- is an operand like any other", async () => {
  const { code, stderr } = await runMain("wal", "dump", "--", "--help");
  expect(stderr).toBe('eraft: "--help" is not a directory\n');
  expect(code).toBe(1);
});

test("eraft --version prints the version and nothing else", async () => {
  expect(await runMain("--version")).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
});
