import type { DiskImage, DiskOperation } from "./operations.ts";
import { resized, written } from "./operations.ts";

/** A change that reaches the disk as a whole or not at all. */
type Unit =
  | { readonly type: "name"; readonly apply: (names: Map<string, number>) => void }
  | { readonly type: "data"; readonly inode: number; readonly apply: (content: Uint8Array) => Uint8Array };

const NOTHING = new Uint8Array(0);

/** What is certainly on the disk, and what may be. */
export class DurableState {
  pending: Unit[] = [];
  readonly #sectorBytes: number;
  readonly #names = new Map<string, number>();
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

  /** The disk if, of what may be on it, exactly the units at these positions of `pending` are. */
  imageWith(kept: ReadonlySet<number>): DiskImage {
    const names = new Map(this.#names);
    const contents = new Map(this.#contents);
    const units = this.pending.filter((_, position) => kept.has(position));
    applyUnits(units, names, contents);
    return new Map([...names].map(([path, inode]) => [path, contents.get(inode) ?? NOTHING]));
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
    else contents.set(unit.inode, unit.apply(contents.get(unit.inode) ?? NOTHING));
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
