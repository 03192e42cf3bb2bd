import { basename, isAbsolute, relative } from "node:path";

/** How somebody who stands in `from` calls the script that is running now. */
export function howToCall(script: string, from: string): string {
  if (basename(script) === "eraft") return "eraft";
  const path = relative(from, script);
  return `node ${quote(path.startsWith("..") || isAbsolute(path) ? script : path)}`;
}

/** Where the user stands: a package manager that runs a script stands at the root of the package instead. */
export function whereUserStands(): string {
  const { INIT_CWD, npm_lifecycle_event } = process.env;
  return npm_lifecycle_event === undefined ? process.cwd() : (INIT_CWD ?? process.cwd());
}

function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
