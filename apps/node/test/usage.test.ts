import { expect, test } from "vitest";
import { runMain } from "./support/run-main.ts";

const THREE = "127.0.0.1:5001,127.0.0.1:5002,127.0.0.1:5003";
const SERVE = ["serve", "--id", "0", "--cluster", THREE, "--data-dir", "unused"];

function addresses(many: number): string {
  return Array.from({ length: many }, (_, at) => `a:${at + 1}`).join(",");
}

/** A command line, and the words that its one line on stderr must have: what was given and what is allowed. */
const WRONG: readonly (readonly [readonly string[], ...string[]])[] = [
  [
    [],
    "no command",
    "serve, demo, put, get, append, delete, cas, scan, watch, batch, export, import, status, member list",
    "eraft --help",
  ],
  [["frobnicate"], '"frobnicate"', "serve, demo"],
  [["wal"], '"wal"', "wal dump"],
  [["wal", "list"], '"wal list"', "wal dump"],

  [["serve"], "--id N is missing", "eraft serve --help"],
  [["serve", "--id", "0"], "--cluster A,B,C is missing", "--peers", "--join"],
  [[...SERVE, "--peers", "0=a:1"], "--cluster and --peers exclude each other"],
  [["serve", "--id", "0", "--peers", "0=a:1", "--join", "b:1"], "--peers and --join exclude each other"],
  [["serve", "--id", "0", "--peers", "a:1"], '"a:1"', "ID=HOST:PORT"],
  [["serve", "--id", "0", "--peers", "x=a:1"], '"x"', "a whole number from 0"],
  [["serve", "--id", "0", "--peers", "0=a"], '"a"', "HOST:PORT"],
  [["serve", "--id", "0", "--peers", "0=a:1,0=b:1"], "node 0 occurs twice"],
  [["serve", "--id", "0", "--peers", "0=a:1,1=A:1"], "A:1 occurs twice"],
  [["serve", "--id", "2", "--peers", "0=a:1,7=b:1", "--data-dir", "d"], "--id 2", "has 0, 7"],
  [
    ["serve", "--id", "3", "--join", "a:1", "--listen", "b:1", "--readdress"],
    "--readdress needs --cluster or --peers",
  ],
  [["serve", "--id", "3", "--join", "a:1", "--data-dir", "d"], "--listen HOST:PORT is missing"],
  [["serve", "--id", "3", "--join", "a:1", "--listen", "b"], '"b"', "HOST:PORT"],
  [[...SERVE, "--cluster-id", ""], '--cluster-id ""', "1 to 64"],
  [[...SERVE, "--cluster-id", "a/b"], '--cluster-id "a/b"', "letters"],
  [["serve", "--id", "0", "--cluster", THREE], "--data-dir DIR is missing", "--storage wal"],
  [["serve", "--id", "0", "--cluster", THREE, "--storage", "level"], "--data-dir DIR", "--storage level"],
  [[...SERVE, "--port", "1"], "--port", "--id, --cluster, --peers"],
  [[...SERVE, "extra"], '"extra"', "no arguments"],
  [[...SERVE, "-v"], "-v"],
  [[...SERVE, "--id", "1"], "--id is given twice"],
  [["serve", "--id"], "--id needs a value"],
  [["serve", "--id", "--cluster", THREE], "--id needs a value", '"--cluster"'],
  [["serve", "--id", "-1"], "--id needs a value", "--id=-1"],
  [["serve", "--id=-1"], '--id "-1"', "from 0"],
  [["serve", "--id", "one"], '--id "one"', "not a whole number"],
  [["serve", "--id", "1.5"], '--id "1.5"', "not a whole number"],
  [["serve", "--id", ""], '--id ""', "not a whole number"],
  [["serve", "--id", "0x1"], '--id "0x1"', "not a whole number"],
  [["serve", "--id", "3", "--cluster", THREE, "--data-dir", "d"], "--id 3", "0 to 2"],
  [[...SERVE, "--storage", "disk"], '--storage "disk"', "wal, level, memory"],
  [
    ["serve", "--id", "0", "--cluster", THREE, "--data-dir", ""],
    '--data-dir ""',
    "not the name of a directory",
  ],
  [[...SERVE, "--heartbeat-ms", "0"], '--heartbeat-ms "0"', "from 2 to 60000"],
  [[...SERVE, "--heartbeat-ms", "600"], "--election-timeout-ms 1000", "twice --heartbeat-ms 600"],
  [[...SERVE, "--election-timeout-ms", "249"], "--election-timeout-ms 249", "twice --heartbeat-ms 125"],
  [[...SERVE, "--snapshot-bytes", "0"], '--snapshot-bytes "0"', "from 1"],
  [[...SERVE, "--log-level", "loud"], '--log-level "loud"', "debug, info, warn, error"],

  [["get", "k", "--cluster", ""], '--cluster ""', "HOST:PORT"],
  [["get", "k", "--cluster", "127.0.0.1"], '"127.0.0.1"', "HOST:PORT"],
  [["get", "k", "--cluster", "a:1,,b:2"], '""', "HOST:PORT"],
  [["get", "k", "--cluster", "a:0"], '"a:0"', "1 to 65535"],
  [["get", "k", "--cluster", "a:65536"], '"a:65536"', "1 to 65535"],
  [["get", "k", "--cluster", "::1:5001"], '"::1:5001"', "HOST:PORT"],
  [["get", "k", "--cluster", "http://a:1"], '"http://a:1"', "HOST:PORT"],
  [["get", "k", "--cluster", "a:1,A:1"], "A:1 occurs twice"],
  [["serve", "--id", "0", "--cluster", addresses(8)], "8 addresses", "1 to 7"],
  [["get", "k", "--cluster", addresses(33)], "33 addresses", "1 to 32"],

  [["put"], "KEY is missing", "eraft put --help"],
  [["put", "k"], "VALUE is missing"],
  [["put", "k", "v", "w"], '"w"', "only KEY VALUE"],
  [["put", "k", "-v"], "-v", "write -- before"],
  [["put", "", "v"], "KEY is empty", "eraft put --help"],
  [["put", "k", "v", "--timeout-ms", "0"], '--timeout-ms "0"', "from 1"],
  [["append", "k"], "VALUE is missing", "eraft append --help"],
  [["get", "k", "--consistency", "fresh"], '--consistency "fresh"', "linearizable, lease, stale"],
  [[...SERVE, "--max-clock-drift-percent", "51"], '--max-clock-drift-percent "51"', "from 0 to 50"],
  [["get"], "KEY is missing", "eraft get --help"],
  [["get", "k", "l"], '"l"', "only KEY"],
  [["get", "x".repeat(4097)], "KEY has 4097 bytes", "4096"],
  [["put", "k", "v".repeat(1024 * 1024 + 1)], "VALUE has 1048577 bytes", "1048576"],
  [["put", "k", String.raw`\q`, "--escaped"], "VALUE", String.raw`\xHH`, "eraft put --help"],
  [["append", "k", "v", "--json=yes"], "--json takes no value"],
  [["get", String.raw`\x4`, "--escaped"], "KEY", String.raw`\xHH`],
  [["status", "--json=yes"], "--json takes no value", '"yes"'],
  [["status", "node-0"], '"node-0"'],
  [["wal", "dump"], "DIR is missing", "eraft wal dump --help"],

  [["delete"], "KEY is missing", "eraft delete --help"],
  [["delete", ""], "KEY is empty"],
  [["delete", "x".repeat(4097)], "KEY has 4097 bytes", "4096"],
  [["delete", String.raw`a\q`, "--escaped"], "KEY", String.raw`\xHH`],
  [["cas", "k"], "what is expected is missing", "--value TEXT, --revision N, --absent or --present"],
  [["cas", "k", "--absent"], "NEW-VALUE is missing, or --delete"],
  [["cas", "k", "v", "--absent", "--value", "a"], "--value and --absent exclude each other"],
  [["cas", "k", "v", "--revision", "0"], '--revision "0"', "from 1"],
  [["cas", "k", "v", "--revision", "1.5"], '--revision "1.5"', "not a whole number"],
  [["cas", "k", "v", "--delete", "--present"], "--delete takes no NEW-VALUE", '"v"'],
  [["cas", "k", "--delete", "--absent"], "--delete and --absent exclude each other"],
  [["cas", "k", "v", "w", "--absent"], '"w"', "only KEY [NEW-VALUE]"],
  [["scan", "a", "b"], '"b"', "only [PREFIX]"],
  [["scan", "a", "--start", "b"], "PREFIX and --start or --end exclude each other"],
  [["scan", "--start", ""], "--start is empty"],
  [["scan", "--limit", "0"], '--limit "0"', "from 1"],
  [["scan", "--limit", "-1"], "--limit needs a value", "--limit=-1"],
  [["scan", "--limit=-1"], '--limit "-1"', "from 1"],
  [["scan", "--consistency", "fresh"], '--consistency "fresh"', "linearizable, lease, stale"],
  [["watch", "--from", "0"], '--from "0"', "from 1"],
  [["watch", "--from", "yesterday"], '--from "yesterday"', "not a whole number"],
  [["export", "a", "b"], '"b"', "only [FILE]"],
  [["export", "--prefix", "a", "--end", "b"], "PREFIX and --start or --end"],
  [["import"], "FILE is missing", "eraft import --help"],
  [["batch", "a", "b"], '"b"', "only [FILE]"],
  [["completion"], "bash|zsh|fish is missing"],
  [["completion", "csh"], '"csh"', "bash, zsh, fish"],

  [["member"], '"member"', "the commands are member list, member add"],
  [["member", "kill"], '"member kill"', "member remove"],
  [["member", "add", "3"], "HOST:PORT is missing", "eraft member add --help"],
  [["member", "add", "three", "a:1"], '"three"', "a whole number from 0", "eraft member add --help"],
  [["member", "add", "3", "a"], '"a"', "HOST:PORT", "eraft member add --help"],
  [["member", "add", "3", "a:1", "--timeout-ms", "0"], '--timeout-ms "0"', "from 1"],
  [["member", "replace", "1", "1", "a:1"], "node 1 cannot replace itself", "another id"],
  [["member", "remove"], "ID is missing"],
  [["member", "list", "3"], '"3"', "no arguments"],
  [["transfer", "--to", "x"], '--to "x"', "a whole number from 0"],

  [["demo", "--nodes", "0"], '--nodes "0"', "from 1 to 7"],
  [["demo", "--nodes", "8"], '--nodes "8"', "from 1 to 7"],
  [["demo", "--base-port", "65535"], "--base-port 65535", "65535 at most"],
];

test.each(WRONG.map(([argv, ...words]) => ({ line: argv.join(" ").slice(0, 60), argv, words })))(
  "wrong command line: eraft $line",
  async ({ argv, words }) => {
    const { code, stdout, stderr } = await runMain(...argv);
    expect(stderr).toMatch(/^eraft: [^\n]+\n$/);
    for (const word of words) expect(stderr).toContain(word);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  },
);

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
