// A database that knows what a power loss would have left of it: all of what was synced, and of each other batch all or nothing.
import { type Crash, type StorageSite } from "@eraft/conformance";
import { LevelStorage } from "@eraft/storage-level";
import { MemoryLevel } from "memory-level";
import { setImmediate } from "node:timers/promises";

/** Keys and values in hexadecimal digits; null for a removal. */
type Change = readonly [key: string, value: string | null];

/** A batch that was handed over, or the sync of the last one before it. */
type Recorded = { readonly type: "batch"; readonly changes: readonly Change[] } | { readonly type: "sync" };

type Image = ReadonlyMap<string, string>;

interface RawOperation {
  readonly type: "put" | "del";
  readonly key: Uint8Array;
  readonly value?: Uint8Array;
}

/**
 * What is below a {@link CrashLevel}, and outlives it.
 *
 * Of LevelDB it supposes the least that its users may count on. A batch is there as a whole or not at all, since its record has a checksum. One that was synced
 * is there. One that was not may be missing for ever, even if others that came later are there: LevelDB skips a record that it cannot read, and
 * begins another log file without having synced the one before.
 */
export class LevelDevice {
  readonly operations: Recorded[] = [];
  /** Returns the error of a write that is to fail. */
  failure: ((changes: readonly Change[]) => Error | null) | null = null;
  readonly #start: Image;
  #now: Map<string, string>;
  #holder: CrashLevel | null = null;

  constructor(start: Image = new Map()) {
    this.#start = start;
    this.#now = new Map(start);
  }

  get image(): Image {
    return this.#now;
  }

  database(): CrashLevel {
    return new CrashLevel(this);
  }

  take(holder: CrashLevel): boolean {
    if (this.#holder !== null && this.#holder !== holder) return false;
    this.#holder = holder;
    return true;
  }

  release(holder: CrashLevel | null = this.#holder): void {
    if (this.#holder === holder) this.#holder = null;
  }

  record(holder: CrashLevel, changes: readonly Change[], isSynced: boolean): void {
    // A killed process changes nothing any more.
    if (this.#holder !== holder) throw new Error("this database belongs to a process that was killed");
    const failure = this.failure?.(changes) ?? null;
    if (failure !== null) throw failure;
    this.operations.push({ type: "batch", changes });
    apply(this.#now, changes);
    if (isSynced) this.operations.push({ type: "sync" });
  }

  /** Changes what is stored, without any record. */
  tamper(key: Uint8Array, value: Uint8Array | null): void {
    apply(this.#now, [[hex(key), value === null ? null : hex(value)]]);
  }

  /** Flips a bit of a stored value, also for the process that has the database open. */
  async spoil(key: string): Promise<void> {
    const value = Buffer.from(this.#now.get(key) ?? "", "hex");
    value.writeUInt8(value.readUInt8(50) ^ 1, 50);
    this.#now.set(key, hex(value));
    await this.#holder?.overwrite(Buffer.from(key, "hex"), value);
  }

  *crashes(from: number, extent: "all" | "few"): Generator<{ after: number; image: Image }> {
    for (let after = from; after <= this.operations.length; after += 1) {
      for (const image of this.#imagesAfter(after, extent === "all" ? 6 : 2)) yield { after, image };
    }
  }

  *#imagesAfter(after: number, exhaustive: number): Generator<Image> {
    const done = this.operations.slice(0, after);
    const batches = done.flatMap((operation, at) =>
      operation.type === "sync"
        ? []
        : [{ changes: operation.changes, isDurable: done[at + 1]?.type === "sync" }],
    );
    const open = batches.filter(({ isDurable }) => !isDurable);
    for (const lost of subsets(open, exhaustive)) {
      const image = new Map(this.#start);
      for (const batch of batches) if (!lost.has(batch)) apply(image, batch.changes);
      yield image;
    }
  }
}

/** What may be lost of `all`: any combination of the last few, and with them none or all of the earlier ones. */
function* subsets<T>(all: readonly T[], exhaustive: number): Generator<ReadonlySet<T>> {
  const early = all.slice(0, Math.max(0, all.length - exhaustive));
  const late = all.slice(early.length);
  for (const base of early.length === 0 ? [[]] : [[], early]) {
    for (let mask = 0; mask < 2 ** late.length; mask += 1) {
      yield new Set([...base, ...late.filter((_, i) => (mask & (1 << i)) !== 0)]);
    }
  }
}

function apply(image: Map<string, string>, changes: readonly Change[]): void {
  for (const [key, value] of changes) {
    if (value === null) image.delete(key);
    else image.set(key, value);
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function fingerprint(image: Image): string {
  return [...image]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join("="))
    .join("\n");
}

/** A database in memory whose every change goes to the device first. Its methods with an underscore are those that `abstract-level` asks for. */
export class CrashLevel extends MemoryLevel {
  readonly #device: LevelDevice;

  constructor(device: LevelDevice) {
    super();
    this.#device = device;
  }

  async _open(): Promise<void> {
    if (!this.#device.take(this)) throw Object.assign(new Error("locked"), { code: "LEVEL_LOCKED" });
    const stored = [...this.#device.image].map(([key, value]) => ({
      type: "put",
      key: Buffer.from(key, "hex"),
      value: Buffer.from(value, "hex"),
    }));
    await memory("_batch", this, stored, {});
  }

  async _close(): Promise<void> {
    this.#device.release(this);
  }

  async _batch(operations: readonly RawOperation[], options: { readonly sync?: boolean }): Promise<void> {
    // As on a disk: what does not wait for it goes on before it is done.
    await setImmediate();
    const changes = operations.map(({ key, value }): Change => [
      hex(key),
      value === undefined ? null : hex(value),
    ]);
    this.#device.record(this, changes, options.sync === true);
    await memory("_batch", this, operations, options);
  }

  /** Without a record. */
  async overwrite(key: Buffer, value: Buffer): Promise<void> {
    await memory("_batch", this, [{ type: "put", key, value }], {});
  }

  /** As in LevelDB in several batches, none of them synced. */
  async _clear(options: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    const keys = await this.keys<Buffer>({ gte: options.gte, lt: options.lt, keyEncoding: "buffer" }).all();
    const pieces = Map.groupBy(keys, (_, i) => i % 2);
    for (const piece of pieces.values()) {
      await this._batch(
        piece.map((key) => ({ type: "del", key })),
        {},
      );
    }
  }
}

/** What `MemoryLevel` does; its types do not tell. */
async function memory(method: "_batch", self: CrashLevel, ...args: unknown[]): Promise<void> {
  await Reflect.apply(Reflect.get(MemoryLevel.prototype, method), self, args);
}

export interface LevelSite extends StorageSite {
  readonly level: LevelDevice;
}

/** A place for a storage whose process can be killed and whose power can fail. */
export function levelSite(level: LevelDevice = new LevelDevice()): LevelSite {
  return {
    level,
    storage: () => new LevelStorage({ db: level.database() }),
    kill: () => level.release(),
    contents: () => fingerprint(level.image),
    device: {
      operations: () => level.operations.length,
      *crashes(from, extent): Generator<Crash> {
        for (const { after, image } of level.crashes(from, extent)) {
          yield { after, fingerprint: fingerprint(image), site: () => levelSite(new LevelDevice(image)) };
        }
      },
    },
  };
}
