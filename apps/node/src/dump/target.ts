import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";

/** Where an export goes. */
export interface Target {
  write(text: string): Promise<void>;
  /** It is complete. */
  commit(): Promise<void>;
  /** It will not be. */
  abort(): Promise<void>;
}

/** stdout for `-`; otherwise a file that appears as a whole or not at all, whatever was there before. */
export async function targetOf(file: string, io: Io): Promise<Target> {
  if (file !== "-") return FileTarget.open(file);
  return {
    write: (text) => {
      io.out(text);
      return io.drained();
    },
    commit: async () => {},
    abort: async () => {},
  };
}

class FileTarget implements Target {
  readonly #path: string;
  readonly #part: string;
  readonly #file: FileHandle;

  constructor(path: string, part: string, file: FileHandle) {
    this.#path = path;
    this.#part = part;
    this.#file = file;
  }

  static async open(path: string): Promise<FileTarget> {
    const part = `${path}.part`;
    return new FileTarget(path, part, await orExplain(path, open(part, "w")));
  }

  write(text: string): Promise<void> {
    return orExplain(this.#path, this.#file.writeFile(text));
  }

  /** The name comes last, and after the bytes: a power loss leaves the old file or the new one. */
  async commit(): Promise<void> {
    await orExplain(this.#path, this.#file.sync());
    await this.#file.close();
    await orExplain(this.#path, rename(this.#part, this.#path));
    const directory = await open(dirname(this.#path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async abort(): Promise<void> {
    await this.#file.close();
    await rm(this.#part, { force: true });
  }
}

async function orExplain<T>(path: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`cannot write ${path}: ${reason}`, undefined, { cause: error });
  }
}
