import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { CommandError } from "../errors.ts";

const NAME = "NODE_ID";

/**
 * Rejects if `dir` is another node's. Creates it if it is missing, and otherwise changes nothing: whoever is refused later on, because another process
 * has the directory, has left nothing in it.
 */
export async function checkDataDir(dir: string, id: number): Promise<void> {
  await orExplain(dir, async () => {
    await mkdir(dir, { recursive: true });
    refuseOther(dir, id, (await readOwner(dir)) ?? String(id));
  });
}

/**
 * Makes `dir` the data directory of node `id`, for good. Rejects if it is another node's. For whoever has its lock: until then it may be the directory of a process that has not
 * said so.
 *
 * Suppose node 1 is started by mistake with the directory of node 0. It knows nothing of the votes that it has given and of the entries that
 * it has confirmed as node 1: it votes a second time in the same term, and two leaders are elected.
 */
export async function claimDataDir(dir: string, id: number): Promise<void> {
  await orExplain(dir, async () => {
    refuseOther(dir, id, (await readOwner(dir)) ?? (await writeOwner(dir, id)));
  });
}

function refuseOther(dir: string, id: number, owner: string): void {
  if (owner === String(id)) return;
  throw new CommandError(`the data directory ${dir} belongs to node ${owner}, and this is node ${id}`);
}

async function orExplain(dir: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot use the data directory ${dir}: ${reason}`, undefined, { cause: error });
  }
}

async function readOwner(dir: string): Promise<string | null> {
  try {
    return (await readFile(join(dir, NAME), "utf8")).trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** Appears as a whole or not at all, and only if there is none yet: of two processes that try, one learns that it was second. */
async function writeOwner(dir: string, id: number): Promise<string> {
  const temporary = join(dir, `${NAME}.${process.pid}.tmp`);
  const file = await open(temporary, "w");
  try {
    await file.writeFile(`${id}\n`);
    await file.sync();
    await link(temporary, join(dir, NAME));
    return String(id);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return (await readOwner(dir)) ?? "unknown";
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}
