import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "../errors.ts";

/**
 * Makes `dir` and returns one directory in it for each node. Refuses data of a cluster of another size: nodes 0 to 2 of three have
 * agreed on things that a majority of five, with two empty nodes in it, knows nothing of.
 */
export function prepareDataDirs(dir: string, nodes: number): readonly string[] {
  try {
    mkdirSync(dir, { recursive: true });
    const names = Array.from({ length: nodes }, (_, id) => `node-${id}`);
    const found = readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^node-\d+$/.test(entry.name))
      .map(({ name }) => name);
    if (found.length > 0 && found.length !== nodes) {
      throw new CommandError(
        `${dir} holds a cluster of ${found.length} nodes, not ${nodes}: give another --data-dir, or --nodes ${found.length}`,
      );
    }
    for (const name of names) mkdirSync(join(dir, name), { recursive: true });
    return names.map((name) => join(dir, name));
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot keep data in ${dir}: ${reason}`, 1, { cause: error });
  }
}
