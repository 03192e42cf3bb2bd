import { KvDiskError } from "../errors.ts";
import { type Head, encodeHead } from "./head.ts";
import { HEAD_KEY, batchKey } from "./keys.ts";
import type { LevelDatabase, LevelOperation, LevelRange, LevelSnapshot } from "./level-database.ts";
import { sealed } from "./records.ts";

const BINARY = { keyEncoding: "view", valueEncoding: "view" } as const;

/**
 * Marks are kept of batches with so many bytes together. A database may lose a batch as long as it is only in its own log, and skip it silently: LevelDB
 * skips a record that it cannot read. That log holds 4 MiB at a time, unless somebody sets another `writeBufferSize`, and there are two of them.
 */
const MARKED_BYTES = 16 << 20;

/** What a head says besides which batches there were. */
export type HeadContent = Omit<Head, "firstBatch" | "lastBatch">;

/** An open database, of which every batch is durable, numbered and marked. */
export class Disk {
  readonly #db: LevelDatabase;
  #batches: { readonly sequence: number; readonly bytes: number }[] = [];
  #markedBytes = 0;
  #lastBatch = 0;

  private constructor(db: LevelDatabase) {
    this.#db = db;
  }

  /** @throws KvDiskError */
  static async open(db: LevelDatabase): Promise<Disk> {
    try {
      await db.open();
    } catch (error) {
      throw diskError("cannot open the database of the state", error);
    }
    if (db.supports.explicitSnapshots === true) return new Disk(db);
    await db.close();
    throw new KvDiskError(
      "usage",
      "the database has no explicit snapshots, without which none can be read while it changes",
    );
  }

  /** Goes on after the batches that are there. */
  resume(firstBatch: number, lastBatch: number): void {
    this.#lastBatch = lastBatch;
    for (let sequence = firstBatch; sequence <= lastBatch; sequence += 1) {
      // How large they were nobody knows any more: they go when all of this has been written anew.
      this.#batches.push({ sequence, bytes: 0 });
    }
  }

  /** A view of what is there now. To be closed. */
  snapshot(): LevelSnapshot {
    return this.#db.snapshot();
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return reading(this.#db.get(key, BINARY));
  }

  async getMany(
    keys: readonly Uint8Array[],
    snapshot?: LevelSnapshot,
  ): Promise<readonly (Uint8Array | undefined)[]> {
    if (keys.length === 0) return [];
    return reading(this.#db.getMany([...keys], snapshot === undefined ? BINARY : { ...BINARY, snapshot }));
  }

  /** Records of a range in the order of their keys, or in the other one, up to `size` at a time. */
  async *pages(
    range: LevelRange,
    size: number,
    options: { readonly reverse?: boolean; readonly snapshot?: LevelSnapshot } = {},
  ): AsyncGenerator<readonly (readonly [Uint8Array, Uint8Array])[], void> {
    const iterator = this.#db.iterator({ ...BINARY, ...range, ...options });
    try {
      for (;;) {
        const page = await reading(iterator.nextv(size));
        if (page.length === 0) return;
        yield page;
      }
    } finally {
      await iterator.close();
    }
  }

  /** Does `operations` and writes a head, if there is one, in one step. Resolves once they are durable. */
  async write(operations: readonly LevelOperation[], head?: HeadContent): Promise<void> {
    const sequence = this.#lastBatch + 1;
    const mark = batchKey(sequence);
    const batch: LevelOperation[] = [
      ...operations,
      { type: "put", key: mark, value: sealed(mark, new Uint8Array(4)) },
    ];
    const bytes = operations.reduce((sum, operation) => sum + bytesOf(operation), mark.length);
    const old = this.#outdated(bytes);
    for (const one of old) batch.push({ type: "del", key: batchKey(one) });
    if (head !== undefined) {
      const firstBatch = this.#batches[old.length]?.sequence ?? sequence;
      const value = encodeHead({ ...head, firstBatch, lastBatch: sequence });
      batch.push({ type: "put", key: HEAD_KEY, value });
    }
    try {
      await this.#db.batch(batch, { ...BINARY, sync: true });
    } catch (error) {
      throw diskError("cannot write the state", error);
    }
    this.#lastBatch = sequence;
    for (const { bytes } of this.#batches.splice(0, old.length)) this.#markedBytes -= bytes;
    this.#batches.push({ sequence, bytes });
    this.#markedBytes += bytes;
  }

  /** For what does not count any more. Neither atomic nor durable: any part of it may come back. */
  async discard(range: LevelRange): Promise<void> {
    try {
      await this.#db.clear({ ...range, keyEncoding: "view" });
    } catch (error) {
      throw diskError("cannot remove what is old", error);
    }
  }

  /** Never rejects: what is durable is so already. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#db.close()]);
  }

  /** Batches whose marks need not be kept once `more` bytes have been written. */
  #outdated(more: number): number[] {
    let marked = this.#markedBytes + more;
    const old: number[] = [];
    for (const { sequence, bytes } of this.#batches) {
      if (marked - bytes < MARKED_BYTES) break;
      marked -= bytes;
      old.push(sequence);
    }
    return old;
  }
}

function bytesOf(operation: LevelOperation): number {
  return operation.key.length + (operation.type === "put" ? operation.value.length : 0);
}

async function reading<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw diskError("cannot read the state", error);
  }
}

function diskError(what: string, error: unknown): KvDiskError {
  if (error instanceof KvDiskError) return error;
  // `open` wraps the reason into an error that says "not open".
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message = reason instanceof Error ? reason.message : String(reason);
  const code = reason instanceof Error && "code" in reason ? reason.code : null;
  const options = { cause: error };
  if (code === "LEVEL_LOCKED")
    return new KvDiskError("locked", `the database of the state is in use: ${message}`, options);
  if (code === "LEVEL_CORRUPTION") return new KvDiskError("damaged", `${what}: ${message}`, options);
  return new KvDiskError("failed", `${what}: ${message}`, options);
}
