import type { DiskImage, DiskOperation } from "./operations.ts";
import { resized, written } from "./operations.ts";

/** An open file of a {@link CrashDisk}. */
export interface DiskFile {
  sizeBytes(): number;
  /** Sets the size; what is added reads as zeros. */
  truncate(sizeBytes: number): void;
  /** Fills as much of `target` as the file has from `position` on, and resolves with how many bytes that were. */
  read(target: Uint8Array, position: number): Promise<number>;
  /** Writes all of `bytes` into the page cache: they survive the process, not the machine. */
  write(bytes: Uint8Array, position: number): void;
  /** Resolves once everything written before, and the size, is on the disk. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * A disk in memory that behaves like a page cache, every operation taking effect at once, and records the operations, so that
 * {@link crashImages} can tell what a power loss at any point would have left.
 *
 * All paths are in one directory. Storages written against `node:fs` use it through {@link syncFileSystem}.
 */
export class CrashDisk {
  /** What was asked of the disk so far. */
  readonly operations: DiskOperation[] = [];
  /** What there was before the first operation; file i has inode i. */
  readonly start: DiskImage;
  readonly #names = new Map<string, number>();
  readonly #contents: Uint8Array[] = [];
  readonly #locks = new Set<string>();

  constructor(start: DiskImage = new Map()) {
    this.start = start;
    for (const [path, bytes] of start) {
      this.#names.set(path, this.#contents.length);
      this.#contents.push(bytes);
    }
  }

  /** What a process sees that starts now: the effect of a crash of the process alone. */
  image(): DiskImage {
    return new Map([...this.#names].map(([path, inode]) => [path, this.#content(inode)]));
  }

  makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  /** Names, without the path, of what is in the directory. */
  list(path: string): readonly string[] {
    const prefix = `${path}/`;
    return [...this.#names.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  /** "create" makes the file empty if it exists; the others throw if it does not. */
  open(path: string, mode: "create" | "read" | "write"): DiskFile {
    let inode = this.#names.get(path);
    if (mode === "create") {
      // A file that is there keeps its name and loses its bytes; a new inode in its place has the same crash states and more.
      inode = this.#contents.length;
      this.#contents.push(new Uint8Array(0));
      this.#names.set(path, inode);
      this.operations.push({ type: "create", path, inode });
    }
    if (inode === undefined) throw notFound(path);
    return this.#file(inode);
  }

  /** Replaces `to` if it exists. */
  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw notFound(from);
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.operations.push({ type: "rename", from, to, inode });
  }

  /** Removes a name; files that are open stay readable. */
  remove(path: string): void {
    if (!this.#names.delete(path)) throw notFound(path);
    this.operations.push({ type: "remove", path });
  }

  /** Resolves once all names are on the disk. */
  syncDirectory(): Promise<void> {
    this.operations.push({ type: "syncDirectory" });
    return Promise.resolve();
  }

  /** Takes the lock called `path`, or returns null if somebody has it. */
  lock(path: string): { release(): void } | null {
    if (this.#locks.has(path)) return null;
    this.#locks.add(path);
    return { release: () => this.#locks.delete(path) };
  }

  /** What the system does when the process that held them dies. */
  releaseLocks(): void {
    this.#locks.clear();
  }

  #file(inode: number): DiskFile {
    return {
      sizeBytes: () => this.#content(inode).length,
      truncate: (sizeBytes) => {
        this.#contents[inode] = resized(this.#content(inode), sizeBytes);
        this.operations.push({ type: "truncate", inode, sizeBytes });
      },
      read: (target, position) => {
        const part = this.#content(inode).subarray(position, position + target.length);
        target.set(part);
        return Promise.resolve(part.length);
      },
      write: (bytes, position) => {
        const copy = new Uint8Array(bytes);
        this.#contents[inode] = written(this.#content(inode), copy, position);
        this.operations.push({ type: "write", inode, position, bytes: copy });
      },
      sync: () => {
        this.operations.push({ type: "sync", inode });
        return Promise.resolve();
      },
      close: () => {},
    };
  }

  #content(inode: number): Uint8Array {
    const content = this.#contents[inode];
    if (content === undefined) throw new Error(`no inode ${inode}`);
    return content;
  }
}

function notFound(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file, ${path}`), { code: "ENOENT" });
}
