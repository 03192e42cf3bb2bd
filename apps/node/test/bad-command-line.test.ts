// All bad command lines and files there are, given to the commands. What comes of them is in docs/bad-input.md.
import { expect, test } from "vitest";
import { type BadInputRow, badInputTable } from "./support/bad-input-doc.ts";
import { type Result, runMain, runMainWith } from "./support/run-main.ts";
import { WRONG_COMMAND_LINES } from "./support/wrong-command-lines.ts";
import { WRONG_BATCHES, WRONG_DUMPS } from "./support/wrong-files.ts";

/** Nobody listens there: whatever is sent would be an answer with another exit code. */
const NOWHERE = ["--cluster", "127.0.0.1:1", "--timeout-ms", "1"];

function answerOf({ code, stdout, stderr }: Result): string {
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^eraft: [^\n]+\n$/);
  return `exit code ${code}: ${stderr.slice("eraft: ".length).trimEnd()}`;
}

/** A word as one would type it, without most of a long one. */
function word(text: string): string {
  if (text.length > 80) return `${text.slice(0, 20)}... (${text.length.toLocaleString("en-US")} characters)`;
  return /^[\w.,:/=@-]+$/.test(text) ? text : `'${text}'`;
}

function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

test("docs/bad-input.md says what comes of bad command lines", async () => {
  const rows: BadInputRow[] = [];
  for (const [argv] of WRONG_COMMAND_LINES) {
    const what = code(["eraft", ...argv.map(word)].join(" "));
    rows.push({ where: argv[0] ?? "", what, answer: answerOf(await runMain(...argv)) });
  }
  const { documented, actual } = badInputTable("Command line", rows);
  expect(documented).toBe(actual);
});

test("docs/bad-input.md says what comes of bad batches", async () => {
  const rows: BadInputRow[] = [];
  for (const [input] of WRONG_BATCHES) {
    const answer = answerOf(await runMainWith({ input }, "batch", ...NOWHERE));
    rows.push({ where: "batch", what: code(input), answer });
  }
  const { documented, actual } = badInputTable("Batch files", rows);
  expect(documented).toBe(actual);
});

test("docs/bad-input.md says what comes of bad files to import", async () => {
  const rows: BadInputRow[] = [];
  for (const [what, input] of WRONG_DUMPS) {
    const answer = answerOf(await runMainWith({ input }, "import", "-", ...NOWHERE));
    rows.push({ where: "import", what, answer });
  }
  const { documented, actual } = badInputTable("Import files", rows);
  expect(documented).toBe(actual);
});
