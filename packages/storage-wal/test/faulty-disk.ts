import type { WalFile, WalFileSystem } from "../src/index.ts";

/** The operations that can be made to fail. */
export type FaultPoint =
  | "create"
  | "open"
  | "truncate"
  | "read"
  | "write"
  | "sync"
  | "rename"
  | "remove"
  | "syncDirectory";

/** Asked before each operation; an error it returns is what the operation fails with, doing nothing. */
export type Faults = (point: FaultPoint, path: string) => Error | null;

/** The same disk, with faults. */
export function faulty(disk: WalFileSystem, faults: Faults): WalFileSystem {
  const check = (point: FaultPoint, path: string): void => {
    const error = faults(point, path);
    if (error !== null) throw error;
  };
  return {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    lock: (path) => disk.lock(path),
    open(path, mode) {
      check(mode === "create" ? "create" : "open", path);
      return faultyFile(disk.open(path, mode), path, check);
    },
    rename(from, to) {
      check("rename", to);
      disk.rename(from, to);
    },
    remove(path) {
      check("remove", path);
      disk.remove(path);
    },
    async syncDirectory(path) {
      check("syncDirectory", path);
      await disk.syncDirectory(path);
    },
  };
}

function faultyFile(file: WalFile, path: string, check: (point: FaultPoint, path: string) => void): WalFile {
  return {
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
    truncate(sizeBytes) {
      check("truncate", path);
      file.truncate(sizeBytes);
    },
    async read(target, position) {
      check("read", path);
      return file.read(target, position);
    },
    write(bytes, position) {
      check("write", path);
      file.write(bytes, position);
    },
    async sync() {
      check("sync", path);
      await file.sync();
    },
  };
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** Lets the operation with this number fail, counted from 0, and no other. */
export function failOnly(number: number, code: string): { faults: Faults; count: () => number } {
  let count = 0;
  return { faults: () => (count++ === number ? systemError(code) : null), count: () => count };
}
