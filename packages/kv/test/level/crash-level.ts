// A database that knows what a crash would have left of it: all that was synced, and of removals that were not any part.
import { MemoryLevel } from "memory-level";
import { setImmediate } from "node:timers/promises";

interface RawOperation {
  readonly type: "put" | "del";
  readonly key: Buffer;
  readonly value?: Buffer;
}

/** What is below a {@link CrashLevel}, and outlives it. */
export class LevelDevice {
  /** By keys in Latin-1. */
  readonly image: Map<string, Buffer>;
  /** What was removed and may come back. */
  readonly #removed = new Map<string, Buffer>();
  /** What writing is refused with, as when the disk is full. */
  failure: Error | null = null;
  /** Batches that were written. */
  batches = 0;
  /** Called before each of them. */
  onBatch: (() => void) | null = null;
  #holder: CrashLevel | null = null;

  constructor(image: ReadonlyMap<string, Buffer> = new Map()) {
    this.image = new Map(image);
  }

  database(): CrashLevel {
    return new CrashLevel(this);
  }

  /** The process is gone, and the power. Each removal that was not synced is done, or not, as `isLost` says. */
  crash(isLost: () => boolean = () => false): void {
    this.#holder = null;
    for (const [key, value] of this.#removed) if (isLost()) this.image.set(key, value);
    this.#removed.clear();
  }

  take(holder: CrashLevel): boolean {
    if (this.#holder !== null && this.#holder !== holder) return false;
    this.#holder = holder;
    return true;
  }

  release(holder: CrashLevel): void {
    if (this.#holder === holder) this.#holder = null;
  }

  isHeldBy(holder: CrashLevel): boolean {
    return this.#holder === holder;
  }

  write(operations: readonly RawOperation[], isSynced: boolean): void {
    this.batches += 1;
    for (const { key, value } of operations) {
      const name = key.toString("latin1");
      const old = this.image.get(name);
      if (isSynced) this.#removed.delete(name);
      else if (value === undefined && old !== undefined) this.#removed.set(name, old);
      if (value === undefined) this.image.delete(name);
      else this.image.set(name, Buffer.from(value));
    }
  }
}

/** A database in memory whose every change goes to the device. Its methods with an underscore are those that `abstract-level` asks for. */
export class CrashLevel extends MemoryLevel<Buffer, Buffer> {
  readonly #device: LevelDevice;

  constructor(device: LevelDevice) {
    super();
    this.#device = device;
  }

  async _open(): Promise<void> {
    if (!this.#device.take(this)) throw Object.assign(new Error("locked"), { code: "LEVEL_LOCKED" });
    const stored = [...this.#device.image].map(([key, value]) => ({
      type: "put",
      key: Buffer.from(key, "latin1"),
      value,
    }));
    await inMemory(this, stored);
  }

  async _close(): Promise<void> {
    this.#device.release(this);
  }

  async _batch(operations: readonly RawOperation[], options: { readonly sync?: boolean }): Promise<void> {
    this.#device.onBatch?.();
    // As on a disk: what does not wait for it goes on before it is done.
    await setImmediate();
    // Of a process that is gone nobody hears anything.
    if (!this.#device.isHeldBy(this)) await new Promise(() => {});
    if (this.#device.failure !== null) throw this.#device.failure;
    this.#device.write(operations, options.sync === true);
    await inMemory(this, operations);
  }

  /** As in LevelDB in several batches, none of them synced. */
  async _clear({ gte, lt }: { readonly gte: Buffer; readonly lt: Buffer }): Promise<void> {
    const keys = await this.keys<Buffer>({ gte, lt, keyEncoding: "buffer" }).all();
    for (let at = 0; at < keys.length; at += 3) {
      const some = keys.slice(at, at + 3).map((key) => ({ type: "del", key }) as const);
      await this._batch(some, {});
    }
  }
}

/** What `MemoryLevel` does; its types do not tell. */
async function inMemory(self: CrashLevel, operations: readonly unknown[]): Promise<void> {
  await Reflect.apply(Reflect.get(MemoryLevel.prototype, "_batch"), self, [operations, {}]);
}
