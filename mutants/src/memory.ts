import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mutated } from "./apply.ts";
import type { Mutant } from "./mutant.ts";

/** What became of a mutant in some run. */
export interface Examined {
  /** Of the mutant and the files that it changes, as they were. */
  readonly digest: string;
  /** Null if it survived. */
  readonly killedBy: string | null;
  /** The test file that noticed; null if it was none. */
  readonly file: string | null;
  readonly seconds: number;
}

/**
 * What earlier runs have found out. A mutant that has not changed, in files that have not changed, need not be examined again: there are a thousand of them. And of one
 * that has, the test that noticed it last time is asked first, which decides nothing: a file that notices would have been reached anyway, and one that does not is followed by
 * everybody else.
 */
export class Memory {
  readonly #root: string;
  readonly #known: Map<string, Examined>;

  constructor(root: string) {
    this.#root = root;
    const path = pathIn(root);
    const known = existsSync(path)
      ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, Examined>)
      : {};
    this.#known = new Map(Object.entries(known));
  }

  /** The file to look at first. Null if nothing is known, or the file is gone. */
  fileFor(id: string): string | null {
    const file = this.#known.get(id)?.file ?? null;
    return file !== null && existsSync(join(this.#root, file)) ? file : null;
  }

  /** What became of it, null if it has to be examined. */
  examined(mutant: Mutant): Examined | null {
    const known = this.#known.get(mutant.id);
    return known?.digest === digestOf(this.#root, mutant) ? known : null;
  }

  learn(mutant: Mutant, { killedBy, file, seconds }: Omit<Examined, "digest">): void {
    const digest = digestOf(this.#root, mutant);
    this.#known.set(mutant.id, { digest, killedBy, file, seconds: Math.round(seconds * 10) / 10 });
  }

  /** Of mutants that are no longer in the list nothing is kept. */
  write(all: readonly Mutant[]): void {
    const known = all.flatMap(({ id }) => {
      const one = this.#known.get(id);
      return one === undefined ? [] : [[id, one] as const];
    });
    const sorted = known.toSorted(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(pathIn(this.#root), `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
  }
}

function digestOf(root: string, mutant: Mutant): string {
  const hash = createHash("sha256");
  for (const [file, text] of mutated(root, mutant)) hash.update(`${file}\n${text.length}\n${text}`);
  return hash.digest("hex").slice(0, 16);
}

function pathIn(root: string): string {
  return join(root, "mutants/examined.json");
}
