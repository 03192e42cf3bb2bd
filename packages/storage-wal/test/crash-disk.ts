import type { WalFile, WalFileSystem, WalLock } from "../src/index.ts";

/** What a disk holds: complete paths and the bytes of the files. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** One change, or one promise of durability, in the order in which they were asked for. `inode` names a file whatever it is called. */
export type DiskOperation =
  | { readonly type: "create"; readonly path: string; readonly inode: number }
  | { readonly type: "truncate"; readonly inode: number; readonly sizeBytes: number }
  | { readonly type: "write"; readonly inode: number; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: "sync"; readonly inode: number }
  | { readonly type: "rename"; readonly from: string; readonly to: string; readonly inode: number }
  | { readonly type: "remove"; readonly path: string }
  | { readonly type: "syncDirectory" };

/**
 * A disk in memory that behaves like a page cache, every operation taking effect at once, and records the operations, so that
 * `crashImages` can tell what a crash at any point would have left. It has one directory.
 */
export class CrashDisk implements WalFileSystem {
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

  list(path: string): readonly string[] {
    const prefix = `${path}/`;
    return [...this.#names.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  open(path: string, mode: "create" | "read" | "write"): WalFile {
    let inode = this.#names.get(path);
    if (mode === "create") {
      // A file that is there keeps its name and loses its bytes; a new inode in its place has the same crash states and more.
      inode = this.#contents.length;
      this.#contents.push(new Uint8Array(0));
      this.#names.set(path, inode);
      this.#record({ type: "create", path, inode });
    }
    if (inode === undefined) throw notFound(path);
    return this.#file(inode);
  }

  rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw notFound(from);
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.#record({ type: "rename", from, to, inode });
  }

  remove(path: string): void {
    if (!this.#names.delete(path)) throw notFound(path);
    this.#record({ type: "remove", path });
  }

  syncDirectory(): Promise<void> {
    this.#record({ type: "syncDirectory" });
    return Promise.resolve();
  }

  lock(path: string): WalLock | null {
    if (this.#locks.has(path)) return null;
    this.#locks.add(path);
    return { release: () => this.#locks.delete(path) };
  }

  /** What the system does when the process that held them dies. */
  releaseLocks(): void {
    this.#locks.clear();
  }

  #file(inode: number): WalFile {
    return {
      sizeBytes: () => this.#content(inode).length,
      truncate: (sizeBytes) => {
        this.#contents[inode] = resized(this.#content(inode), sizeBytes);
        this.#record({ type: "truncate", inode, sizeBytes });
      },
      read: (target, position) => {
        const part = this.#content(inode).subarray(position, position + target.length);
        target.set(part);
        return Promise.resolve(part.length);
      },
      write: (bytes, position) => {
        const copy = bytes.slice();
        this.#contents[inode] = written(this.#content(inode), copy, position);
        this.#record({ type: "write", inode, position, bytes: copy });
      },
      sync: () => {
        this.#record({ type: "sync", inode });
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

  #record(operation: DiskOperation): void {
    this.operations.push(operation);
  }
}

export interface CrashImage {
  /** The crash came after so many operations. */
  readonly after: number;
  readonly image: DiskImage;
}

export interface CrashOptions {
  /** Bytes that reach the disk together or not at all. */
  readonly sectorBytes: number;
  /** Up to so many units that may or may not have reached the disk, all subsets are tried; beyond, those described below. */
  readonly exhaustiveUnits: number;
  /** Leaves out crashes before so many operations. */
  readonly from?: number;
}

export const defaultCrashOptions: CrashOptions = { sectorBytes: 512, exhaustiveUnits: 7 };

/**
 * Everything a power loss may leave, for a crash before the first operation, after it, after the second, and so on.
 *
 * At each point the units at stake are the names changed since the last sync of the directory, and the sectors written and sizes set
 * since the last sync of their file. Few units: every subset of them. Many: none, all, each one alone, each one missing, and each
 * run from the first or up to the last. An image that has been given out is not repeated for the same point, but is for later
 * ones, since what it must hold changes with what has been confirmed.
 */
export function* crashImages(
  disk: CrashDisk,
  options: CrashOptions = defaultCrashOptions,
): Generator<CrashImage, void, undefined> {
  const durable = new DurableState(disk.start, options.sectorBytes);
  for (let after = 0; ; after++) {
    const seen = new Set<string>();
    const choices =
      after < (options.from ?? 0) ? [] : subsets(durable.pending.length, options.exhaustiveUnits);
    for (const kept of choices) {
      const image = durable.imageWith(kept);
      const key = fingerprint(image);
      if (seen.has(key)) continue;
      seen.add(key);
      yield { after, image };
    }
    const operation = disk.operations[after];
    if (operation === undefined) return;
    durable.record(operation);
  }
}

/** Equal for equal images. */
export function fingerprint(image: DiskImage): string {
  const files = [...image].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return files.map(([path, bytes]) => `${path}:${Buffer.from(bytes).toString("latin1")}`).join("\n");
}

/** A change that reaches the disk as a whole or not at all. */
type Unit =
  | { readonly type: "name"; readonly apply: (names: Map<string, number>) => void }
  | { readonly type: "data"; readonly inode: number; readonly apply: (content: Uint8Array) => Uint8Array };

/** What is certainly on the disk, and what may be. */
class DurableState {
  pending: Unit[] = [];
  readonly #sectorBytes: number;
  #names = new Map<string, number>();
  readonly #contents = new Map<number, Uint8Array>();

  constructor(start: DiskImage, sectorBytes: number) {
    this.#sectorBytes = sectorBytes;
    for (const [path, bytes] of start) {
      this.#contents.set(this.#names.size, bytes);
      this.#names.set(path, this.#names.size);
    }
  }

  record(operation: DiskOperation): void {
    if (operation.type === "sync") {
      this.#settle((unit) => unit.type === "data" && unit.inode === operation.inode);
    } else if (operation.type === "syncDirectory") {
      this.#settle((unit) => unit.type === "name");
    } else {
      this.pending.push(...unitsOf(operation, this.#sectorBytes));
    }
  }

  imageWith(kept: ReadonlySet<number>): DiskImage {
    const names = new Map(this.#names);
    const contents = new Map(this.#contents);
    applyUnits(
      this.pending.filter((_, position) => kept.has(position)),
      names,
      contents,
    );
    return new Map([...names].map(([path, inode]) => [path, contents.get(inode) ?? new Uint8Array(0)]));
  }

  #settle(isDurable: (unit: Unit) => boolean): void {
    applyUnits(this.pending.filter(isDurable), this.#names, this.#contents);
    this.pending = this.pending.filter((unit) => !isDurable(unit));
  }
}

function applyUnits(
  units: readonly Unit[],
  names: Map<string, number>,
  contents: Map<number, Uint8Array>,
): void {
  for (const unit of units) {
    if (unit.type === "name") unit.apply(names);
    else contents.set(unit.inode, unit.apply(contents.get(unit.inode) ?? new Uint8Array(0)));
  }
}

function unitsOf(
  operation: Exclude<DiskOperation, { type: "sync" | "syncDirectory" }>,
  sectorBytes: number,
): readonly Unit[] {
  switch (operation.type) {
    case "create":
      return [{ type: "name", apply: (names) => names.set(operation.path, operation.inode) }];
    case "remove":
      return [{ type: "name", apply: (names) => names.delete(operation.path) }];
    case "rename":
      return [
        {
          type: "name",
          apply: (names) => {
            names.delete(operation.from);
            names.set(operation.to, operation.inode);
          },
        },
      ];
    case "truncate":
      return [
        { type: "data", inode: operation.inode, apply: (content) => resized(content, operation.sizeBytes) },
      ];
    case "write":
      return sectorsOf(operation.position, operation.bytes, sectorBytes).map(({ position, bytes }) => ({
        type: "data",
        inode: operation.inode,
        apply: (content) => written(content, bytes, position),
      }));
  }
}

function sectorsOf(
  position: number,
  bytes: Uint8Array,
  sectorBytes: number,
): { position: number; bytes: Uint8Array }[] {
  const parts: { position: number; bytes: Uint8Array }[] = [];
  for (let done = 0; done < bytes.length;) {
    const end = Math.min(bytes.length, done + sectorBytes - ((position + done) % sectorBytes));
    parts.push({ position: position + done, bytes: bytes.subarray(done, end) });
    done = end;
  }
  return parts;
}

function* subsets(count: number, exhaustive: number): Generator<ReadonlySet<number>, void, undefined> {
  const all = Array.from({ length: count }, (_, position) => position);
  if (count <= exhaustive) {
    for (let mask = 0; mask < 2 ** count; mask++) {
      yield new Set(all.filter((position) => (mask & (1 << position)) !== 0));
    }
    return;
  }
  yield new Set();
  yield new Set(all);
  for (const position of all) {
    yield new Set([position]);
    yield new Set(all.filter((other) => other !== position));
    yield new Set(all.slice(0, position));
    yield new Set(all.slice(position));
  }
}

function resized(content: Uint8Array, sizeBytes: number): Uint8Array {
  const result = new Uint8Array(sizeBytes);
  result.set(content.subarray(0, sizeBytes));
  return result;
}

/** Contents are never modified, so images can share them. */
function written(content: Uint8Array, bytes: Uint8Array, position: number): Uint8Array {
  const result = new Uint8Array(Math.max(content.length, position + bytes.length));
  result.set(content);
  result.set(bytes, position);
  return result;
}

function notFound(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file, ${path}`), { code: "ENOENT" });
}
