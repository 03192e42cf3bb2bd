import { runNode } from "./processes.ts";

/**
 * Tells bugs from nonsense. A mutant that names what does not exist would be killed by anything, and prove nothing; no such bug gets past the
 * compiler either.
 */
export class TypesCheck {
  readonly #root: string;
  #known: ReadonlySet<string> = new Set();

  constructor(root: string) {
    this.#root = root;
  }

  /** To be called on the sources as they are. Somebody may be in the middle of an edit: only what a mutant adds counts. */
  async begin(): Promise<void> {
    this.#known = new Set(await this.#errors());
  }

  /** The first error that the sources did not have before; null if there is none. */
  async firstNewError(): Promise<string | null> {
    const errors = await this.#errors();
    return errors.find((error) => !this.#known.has(error)) ?? null;
  }

  async #errors(): Promise<readonly string[]> {
    const args = ["node_modules/typescript/bin/tsc", "-p", "tsconfig.test.json", "--pretty", "false"];
    // What a bug no longer uses is no error.
    const lenient = [
      "--noUnusedLocals",
      "false",
      "--noUnusedParameters",
      "false",
      "--allowUnreachableCode",
      "true",
    ];
    const { exitCode, output } = await runNode([...args, ...lenient], this.#root, 300);
    if (exitCode === null) throw new Error("the compiler did not finish");
    return output.split("\n").filter((line) => line.includes("error TS"));
  }
}
