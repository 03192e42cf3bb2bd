import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runNode } from "./processes.ts";

/**
 * Tells bugs from nonsense. A mutant that names what does not exist would be killed by anything, and prove nothing; no such bug gets past the
 * compiler either.
 *
 * Only the sources of the mutant's own package are checked, and what they import: all the rest takes ten times as long.
 */
export class TypesCheck {
  readonly #root: string;
  /** The errors of the sources as they are, by folder: somebody may be in the middle of an edit, and only what a mutant adds counts. */
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** To be called on the sources as they are, before `firstNewError` of the same package, whose folder this is. */
  async begin(folder: string): Promise<void> {
    if (!this.#known.has(folder)) this.#known.set(folder, new Set(await this.#errors(folder)));
  }

  /** The first error that the sources did not have before; null if there is none. */
  async firstNewError(folder: string): Promise<string | null> {
    const known = this.#known.get(folder);
    if (known === undefined) throw new Error(`it is not known what ${folder} was like before`);
    const errors = await this.#errors(folder);
    return errors.find((error) => !known.has(error)) ?? null;
  }

  async #errors(folder: string): Promise<readonly string[]> {
    const path = join(this.#root, "tsconfig.mutant.json");
    writeFileSync(path, JSON.stringify(configFor(folder)));
    const args = ["node_modules/typescript/bin/tsc", "-p", path, "--pretty", "false"];
    const { exitCode, output } = await runNode(args, this.#root, 300);
    if (exitCode === null) throw new Error("the compiler did not finish");
    return output.split("\n").filter((line) => line.includes("error TS"));
  }
}

function configFor(folder: string): object {
  return {
    extends: "./tsconfig.test.json",
    include: [`${folder}/src`],
    // What a bug no longer uses is no error.
    compilerOptions: { noUnusedLocals: false, noUnusedParameters: false, allowUnreachableCode: true },
  };
}
