import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Which test file noticed each mutant last time: it is tried first, before all that comes in its turn. It saves time and decides nothing, for a file that
 * notices would have been reached anyway, and one that does not is followed by everybody else.
 */
export class Memory {
  readonly #root: string;
  readonly #files: Map<string, string>;

  constructor(root: string) {
    this.#root = root;
    const path = pathIn(root);
    const known = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, string>) : {};
    this.#files = new Map(Object.entries(known));
  }

  /** Null if nothing is known, or the file is gone. */
  fileFor(id: string): string | null {
    const file = this.#files.get(id);
    return file !== undefined && existsSync(join(this.#root, file)) ? file : null;
  }

  /** Null forgets: something else was quicker. */
  learn(id: string, file: string | null): void {
    if (file === null) this.#files.delete(id);
    else this.#files.set(id, file);
  }

  write(): void {
    const sorted = [...this.#files].toSorted(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(pathIn(this.#root), `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
  }
}

function pathIn(root: string): string {
  return join(root, "mutants/noticed-by.json");
}
