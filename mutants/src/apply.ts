import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { editsOf, type Mutant } from "./mutant.ts";

/** A mutant that no longer fits the sources, or does not compile. */
export class MutantError extends Error {
  override readonly name = "MutantError";
}

/** The files that `mutant` changes in the sources under `root`, as they become. Throws MutantError. */
export function mutated(root: string, mutant: Mutant): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { file, find, replace } of editsOf(mutant)) {
    const before = files.get(file) ?? readFileSync(join(root, file), "utf8");
    const times = before.split(find).length - 1;
    if (times !== 1) {
      throw new MutantError(
        `${mutant.id}: the code has changed, update the mutant. This occurs ${times} times in ${file}, not once:\n${find}`,
      );
    }
    // A function, since `replace` would read `$&` and the like as orders.
    files.set(
      file,
      before.replace(find, () => replace),
    );
  }
  return files;
}

/** Applies `mutant` to the sources under `root`. Returns what puts them back. Throws MutantError. */
export function apply(root: string, mutant: Mutant): () => void {
  const originals = new Map<string, string>();
  for (const [file, text] of mutated(root, mutant)) {
    const path = join(root, file);
    originals.set(path, readFileSync(path, "utf8"));
    writeFileSync(path, text);
  }
  return () => {
    for (const [path, text] of originals) writeFileSync(path, text);
  };
}
