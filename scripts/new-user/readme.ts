import { readFileSync } from "node:fs";
import { join } from "node:path";

const README = join(import.meta.dirname, "..", "..", "README.md");
const HEADING = "## A project of your own\n";
const BLOCK = /^```(?<language>\w+)(?: (?<file>\S+))?\n(?<text>.*?)^```$/gms;

/** What the README tells somebody who begins a project. */
export interface Instructions {
  /** The files to write, by name. */
  readonly files: ReadonlyMap<string, string>;
  /** The lines to type, in groups as they stand there, without their comments. */
  readonly commands: readonly (readonly string[])[];
}

export function instructions(): Instructions {
  const readme = readFileSync(README, "utf8");
  const begin = readme.indexOf(HEADING);
  if (begin === -1) throw new Error(`the README has no section ${HEADING}`);
  const end = readme.indexOf("\n## ", begin + HEADING.length);
  const blocks = [...readme.slice(begin, end).matchAll(BLOCK)].map(({ groups }) => ({
    language: groups?.["language"] ?? "",
    file: groups?.["file"],
    text: groups?.["text"] ?? "",
  }));
  return {
    files: new Map(blocks.flatMap(({ file, text }) => (file === undefined ? [] : [[file, text]]))),
    commands: blocks.filter(({ language }) => language === "sh").map(({ text }) => linesOf(text)),
  };
}

function linesOf(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/\s+#.*$/, "").trim())
    .filter((line) => line !== "");
}
