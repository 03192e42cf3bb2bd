import { execFile } from "node:child_process";
import { mkdir, statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { HANGS_AFTER_MS } from "../support/hangs.ts";
import { Keeper } from "./keeper.ts";

const run = promisify(execFile);
const ROOMY = "1g";
const PAGE_BYTES = 4096;

/** A file system of our own, in memory, that is full when we say so. Unmounted on `remove`, or when this process is gone. */
export class SmallDisk {
  readonly path: string;
  readonly #keeper: Keeper;

  private constructor(path: string, keeper: Keeper) {
    this.path = path;
    this.#keeper = keeper;
  }

  /** Mounts it at `path`. Rejects, saying why, where that is not permitted. */
  static async mount(path: string): Promise<SmallDisk> {
    await mkdir(path, { recursive: true });
    const mount = `mount -t tmpfs -o mode=700,size=${ROOMY} eraft-chaos "$A"`;
    return new SmallDisk(path, await Keeper.hold(mount, 'umount -l "$A"', path));
  }

  /** Leaves `spareBytes` or somewhat more. */
  async fill(spareBytes: number): Promise<void> {
    for (let extraBytes = spareBytes; ; extraBytes *= 2) {
      const { blocks, bfree, bsize } = await statfs(this.path);
      const usedBytes = (blocks - bfree) * bsize;
      const pages = Math.ceil((usedBytes + extraBytes) / PAGE_BYTES);
      try {
        await this.#resize(String(pages * PAGE_BYTES));
        return;
      } catch (error) {
        // It has grown beyond that meanwhile, and the system does not shrink a file system to less than what it holds.
        if (extraBytes > 2 ** 28) throw error;
      }
    }
  }

  async makeRoom(): Promise<void> {
    await this.#resize(ROOMY);
  }

  async remove(): Promise<void> {
    await this.#keeper.release();
  }

  async #resize(size: string): Promise<void> {
    await run("mount", ["-o", `remount,size=${size}`, this.path], { timeout: HANGS_AFTER_MS });
  }
}
