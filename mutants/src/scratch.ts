import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, sep } from "node:path";

/** What is built or cached, and may be of other sources than these. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "dist",
  "coverage",
  ".turbo",
  ".vite",
  ".vite-temp",
  ".vitest-cache",
]);

/** A copy of the repository's sources in the system's temporary directory, to be broken at will. */
export class Scratch {
  readonly root: string;

  constructor(original: string) {
    // The real path, since that is what Node makes of every module's.
    this.root = realpathSync(mkdtempSync(join(tmpdir(), "eraft-mutants-")));
    for (const entry of readdirSync(original, { withFileTypes: true })) {
      if (entry.name === ".git" || entry.name === "node_modules" || LEFT_OUT.has(entry.name)) continue;
      cpSync(join(original, entry.name), join(this.root, entry.name), {
        recursive: true,
        // The packages' links to each other are relative, so in the copy they lead to the copy.
        verbatimSymlinks: true,
        filter: (path) => !LEFT_OUT.has(basename(path)),
      });
    }
    process.once("exit", () => this.remove());
    linkDependencies(join(original, "node_modules"), join(this.root, "node_modules"));
    this.#checkLinks();
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** A package that resolved to the original would never meet a mutant, and every test would pass. */
  #checkLinks(): void {
    for (const folder of ["packages", "apps"]) {
      for (const name of readdirSync(join(this.root, folder))) {
        const links = join(this.root, folder, name, "node_modules", "@eraft");
        if (lstatSync(links, { throwIfNoEntry: false }) === undefined) continue;
        for (const link of readdirSync(links)) {
          const target = realpathSync(join(links, link));
          if (!target.startsWith(this.root + sep)) {
            throw new Error(`${join(links, link)} leads out of the copy, to ${target}`);
          }
        }
      }
    }
  }
}

/** Third-party packages are shared with the original; the tools' caches, which stand beside them, are not. */
function linkDependencies(original: string, copy: string): void {
  mkdirSync(copy);
  for (const name of readdirSync(original)) {
    if (!LEFT_OUT.has(name)) symlinkSync(join(original, name), join(copy, name));
  }
}
