import type { CrashDisk, DiskFile } from "./crash-disk.ts";

/**
 * The part of `node:fs` that a small storage needs, synchronous: `node:fs` itself is one, and so is {@link syncFileSystem} of a
 * {@link CrashDisk}. A storage that takes one as an option can lose its power in a test.
 */
export interface SyncFileSystem {
  existsSync(path: string): boolean;
  readFileSync(path: string): Uint8Array;
  /** "w" makes the file empty if it exists, "a" appends to it, "r+" overwrites parts of it; "r" also opens the directory. */
  openSync(path: string, flags: "r" | "r+" | "w" | "a"): number;
  /** Writes all of `data`: to an open file, or as the whole new content of a path. `flush` syncs it, as fsyncSync does. */
  writeFileSync(file: number | string, data: Uint8Array, options?: { readonly flush?: boolean }): void;
  /** Writes a part of `data` there or at `position`. Returns how many bytes that were. */
  writeSync(fd: number, data: Uint8Array, offset?: number, length?: number, position?: number): number;
  /** Of a file: its bytes are on the disk. Of the directory: the names in it are. */
  fsyncSync(fd: number): void;
  ftruncateSync(fd: number, sizeBytes: number): void;
  closeSync(fd: number): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
}

interface Descriptor {
  /** Null for the directory. */
  readonly file: DiskFile | null;
  position: number;
}

/** `disk` as a storage sees it that is written against `node:fs`. */
export function syncFileSystem(disk: CrashDisk): SyncFileSystem {
  const open = new Map<number, Descriptor>();
  let lastFd = 2;
  const at = (fd: number): Descriptor => open.get(fd) ?? fault("EBADF", `no open file ${fd}`);
  const fileAt = (fd: number): DiskFile => at(fd).file ?? fault("EISDIR", "this is the directory");
  return {
    existsSync: (path) => disk.has(path),
    readFileSync: (path) =>
      new Uint8Array(disk.image().get(path) ?? fault("ENOENT", `no such file, ${path}`)),
    openSync: (path, flags) => {
      const descriptor = descriptorOf(disk, path, flags);
      lastFd += 1;
      open.set(lastFd, descriptor);
      return lastFd;
    },
    writeFileSync: (file, data, options) => {
      const descriptor = typeof file === "number" ? at(file) : descriptorOf(disk, file, "w");
      const target = descriptor.file ?? fault("EISDIR", "this is the directory");
      target.write(data, descriptor.position);
      descriptor.position += data.length;
      if (options?.flush === true) void target.sync();
    },
    writeSync: (fd, data, offset = 0, length = data.length - offset, position) => {
      const part = data.subarray(offset, offset + length);
      const descriptor = at(fd);
      fileAt(fd).write(part, position ?? descriptor.position);
      if (position === undefined) descriptor.position += part.length;
      return part.length;
    },
    fsyncSync: (fd) => {
      // The disk's promises are resolved when it returns them: it does in memory what node:fs waits for.
      void (at(fd).file?.sync() ?? disk.syncDirectory());
    },
    ftruncateSync: (fd, sizeBytes) => fileAt(fd).truncate(sizeBytes),
    closeSync: (fd) => {
      at(fd);
      open.delete(fd);
    },
    renameSync: (from, to) => disk.rename(from, to),
    unlinkSync: (path) => disk.remove(path),
  };
}

function descriptorOf(disk: CrashDisk, path: string, flags: "r" | "r+" | "w" | "a"): Descriptor {
  if (flags === "w" || (flags === "a" && !disk.has(path))) {
    return { file: disk.open(path, "create"), position: 0 };
  }
  if (flags === "r" && !disk.has(path) && disk.list(path).length > 0) return { file: null, position: 0 };
  const file = disk.open(path, flags === "r" ? "read" : "write");
  return { file, position: flags === "a" ? file.sizeBytes() : 0 };
}

function fault(code: string, text: string): never {
  throw Object.assign(new Error(`${code}: ${text}`), { code });
}
