import { type ByteString, byteStringOf, bytesOf } from "@eraft/kv";
import type {
  LevelDatabase,
  LevelIterator,
  LevelOperation,
  LevelRange,
  LevelReadOptions,
  LevelSnapshot,
} from "@eraft/kv/level";
import type { DurableDisk } from "./durable-disk.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** What a database has at a moment. Never modified: a batch makes another one. */
export type LevelImage = ReadonlyMap<ByteString, Uint8Array>;

/** The keys of an image in order, made when they are first asked for. */
const inOrder = new WeakMap<LevelImage, readonly ByteString[]>();

/**
 * A database on the disk of one server, as one process has it. A batch is there as a whole or not at all, some time after it was written; the process may crash before, after and meanwhile. Of one that is
 * over nobody hears anything.
 */
export class SimulatedLevel implements LevelDatabase {
  readonly supports: { readonly explicitSnapshots: true } = { explicitSnapshots: true };
  readonly #world: World;
  readonly #life: Life;
  readonly #disk: DurableDisk;
  readonly #snapshots = new WeakMap<LevelSnapshot, LevelImage>();

  constructor(world: World, life: Life, disk: DurableDisk) {
    this.#world = world;
    this.#life = life;
    this.#disk = disk;
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  async get(key: Uint8Array, options: LevelReadOptions): Promise<Uint8Array | undefined> {
    return this.#image(options).get(byteStringOf(key));
  }

  async getMany(keys: readonly Uint8Array[], options: LevelReadOptions): Promise<(Uint8Array | undefined)[]> {
    const image = this.#image(options);
    return keys.map((key) => image.get(byteStringOf(key)));
  }

  async batch(operations: readonly LevelOperation[]): Promise<void> {
    const { plan, random } = this.#world;
    const write = (): void => {
      const image = new Map(this.#disk.level);
      for (const operation of operations) {
        if (operation.type === "put") image.set(byteStringOf(operation.key), operation.value);
        else image.delete(byteStringOf(operation.key));
      }
      this.#disk.level = image;
    };
    await this.#boundary("before the state is stored");
    const { ended } = this.#disk.begin(write);
    const ms = random.disk.exponential(plan.disk.writeMsMean);
    await new Promise<void>((resolve) => void this.#life.clock.after(ms, resolve));
    ended();
    write();
    await this.#boundary("after the state is stored");
  }

  async clear(range: LevelRange): Promise<void> {
    if (this.#life.isOver) return;
    const image = new Map(this.#disk.level);
    for (const key of keysIn(image, range)) image.delete(key);
    this.#disk.level = image;
  }

  iterator(options: LevelReadOptions & LevelRange & { readonly reverse?: boolean }): LevelIterator {
    const image = this.#image(options);
    const keys = keysIn(image, options);
    if (options.reverse === true) keys.reverse();
    return {
      nextv: async (size) => keys.splice(0, size).map((key) => [bytesOf(key), image.get(key)!]),
      close: async () => {},
    };
  }

  snapshot(): LevelSnapshot {
    const snapshot = { close: async () => {} };
    this.#snapshots.set(snapshot, this.#disk.level);
    return snapshot;
  }

  #image({ snapshot }: LevelReadOptions): LevelImage {
    return (snapshot && this.#snapshots.get(snapshot)) ?? this.#disk.level;
  }

  /** A place to crash. Nothing goes on behind it in a life that is over. */
  #boundary(where: string): Promise<void> {
    const isOver = this.#life.isOver || this.#world.boundary(this.#life, where);
    return isOver ? new Promise<void>(() => {}) : Promise.resolve();
  }
}

function keysIn(image: LevelImage, { gte, lt }: LevelRange): ByteString[] {
  const [from, end] = [byteStringOf(gte), byteStringOf(lt)];
  const all = inOrder.get(image) ?? [...image.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  inOrder.set(image, all);
  return all.filter((key) => key >= from && key < end);
}
