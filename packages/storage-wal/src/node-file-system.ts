import * as fs from "node:fs";
import { dirname, resolve } from "node:path";
import type { WalFile, WalFileSystem, WalLock } from "./file-system.ts";
import { lockFile } from "./lock-file.ts";

const FLAGS = { create: "w+", read: "r", write: "r+" } as const;

/** The real disk. */
export const nodeFileSystem: WalFileSystem = {
  async makeDirectory(path: string): Promise<void> {
    const first = fs.mkdirSync(path, { recursive: true });
    if (first === undefined) return;
    // A directory is durable once its name is, in its parent.
    for (let made = resolve(path); ; made = dirname(made)) {
      await nodeFileSystem.syncDirectory(dirname(made));
      if (made === resolve(first)) return;
    }
  },

  list(path: string): readonly string[] {
    return fs.readdirSync(path);
  },

  open(path: string, mode: "create" | "read" | "write"): WalFile {
    return new NodeFile(fs.openSync(path, FLAGS[mode]));
  },

  rename(from: string, to: string): void {
    fs.renameSync(from, to);
  },

  remove(path: string): void {
    fs.unlinkSync(path);
  },

  async syncDirectory(path: string): Promise<void> {
    // Windows cannot open a directory; NTFS keeps its names in a journal of its own.
    if (process.platform === "win32") return;
    const fd = fs.openSync(path, "r");
    try {
      await settled((done) => fs.fsync(fd, done));
    } finally {
      fs.closeSync(fd);
    }
  },

  lock(path: string): WalLock | null {
    return lockFile(path);
  },
};

/**
 * Writes are synchronous: into the page cache they take a microsecond, a trip through the thread pool twenty. What really waits
 * for the disk, reading and syncing, happens off the event loop.
 */
class NodeFile implements WalFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  sizeBytes(): number {
    return fs.fstatSync(this.#fd).size;
  }

  truncate(sizeBytes: number): void {
    fs.ftruncateSync(this.#fd, sizeBytes);
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    while (filled < target.length) {
      const count = await this.#readSome(target, filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  #readSome(target: Uint8Array, offset: number, position: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    fs.read(this.#fd, target, offset, target.length - offset, position, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
    return promise;
  }

  write(bytes: Uint8Array, position: number): void {
    // The system may take less than all, for instance when a signal arrives or the disk is almost full.
    for (let done = 0; done < bytes.length;) {
      done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, position + done);
    }
  }

  sync(): Promise<void> {
    return settled((done) => fs.fdatasync(this.#fd, done));
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

function settled(start: (done: (error: Error | null) => void) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  start((error) => {
    if (error === null) resolve();
    else reject(error);
  });
  return promise;
}
