import { readFileSync, writeFileSync } from "node:fs";

const DOC = new URL("../../../../docs/bad-input.md", import.meta.url);

/** What came of one bad input. */
export interface BadInputRow {
  readonly where: string;
  readonly what: string;
  readonly answer: string;
}

/** The table of docs/bad-input.md under the heading `## title`, as it is and as it should be. With UPDATE=1 it is written first. */
export function badInputTable(
  title: string,
  rows: readonly BadInputRow[],
): { readonly documented: string; readonly actual: string } {
  const heading = `## ${title}\n`;
  const table = [
    "| where | what | answer |",
    "|---|---|---|",
    ...rows.map(({ where, what, answer }) => `| ${where} | ${what} | ${answer.replaceAll("|", "\\|")} |`),
  ].join("\n");
  const text = readFileSync(DOC, "utf8");
  const from = text.indexOf(heading);
  if (from === -1) throw new Error(`docs/bad-input.md has no heading "${title}"`);
  const next = text.indexOf("\n## ", from);
  const end = next === -1 ? text.length : next;
  const begin = text.indexOf("\n| ", from);
  const tableAt = begin === -1 || begin > end ? end : begin + 1;
  if (process.env["UPDATE"] === "1") {
    writeFileSync(DOC, `${text.slice(0, tableAt).trimEnd()}\n\n${table}\n${text.slice(end)}`);
  }
  return { documented: readTable(title), actual: table };
}

function readTable(title: string): string {
  const text = readFileSync(DOC, "utf8");
  const from = text.indexOf(`## ${title}\n`);
  const next = text.indexOf("\n## ", from);
  const section = text.slice(from, next === -1 ? undefined : next);
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .join("\n");
}
