import type { SnapshotMeta, SnapshotSink } from "@eraft/core";
import type { Database, Operation } from "./database.ts";
import { LevelSnapshotError, LevelUsageError } from "./errors.ts";
import { chunkKey, chunksOf } from "./keys.ts";
import { CHUNK_BYTES, type Descriptor, chainStart, encodeChunk } from "./snapshot-records.ts";

/** Chunks that are made durable at once: memory, against a sync for each of them. */
const CHUNKS_IN_BATCH = 8;

/** What the storage does for a sink. */
export interface SinkOwner {
  /** Makes what has been filled the stored snapshot. */
  commit(sink: LevelSnapshotSink): Promise<void>;
  /** The sink is over: another one may come. */
  release(): void;
}

/** Fills a generation that nothing refers to until its commit. Holds no more of the snapshot than one batch of chunks. */
export class LevelSnapshotSink implements SnapshotSink {
  readonly meta: SnapshotMeta;
  readonly generation: number;
  readonly #database: Database;
  readonly #owner: SinkOwner;
  #state: "filling" | "committing" | "over" = "filling";
  /** Chunks that are not durable yet. */
  #batch: Operation[] = [];
  #chunk = new Uint8Array(CHUNK_BYTES);
  #chunkUsed = 0;
  #chunks = 0;
  #dataBytes = 0;
  #chain: number;
  #failure: LevelSnapshotError | null = null;
  /** Resolves, never rejects, when what was handed to the database is done. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(database: Database, generation: number, meta: SnapshotMeta, owner: SinkOwner) {
    this.#database = database;
    this.generation = generation;
    this.meta = meta;
    this.#owner = owner;
    this.#chain = chainStart(generation, meta);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#requireFilling();
    if (this.#failure !== null) throw this.#failure;
    let rest = chunk;
    while (rest.length > 0) {
      const taken = rest.subarray(0, CHUNK_BYTES - this.#chunkUsed);
      this.#chunk.set(taken, this.#chunkUsed);
      this.#chunkUsed += taken.length;
      this.#dataBytes += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#chunkUsed < CHUNK_BYTES) continue;
      this.#endChunk();
      if (this.#batch.length === CHUNKS_IN_BATCH) await this.#flush();
    }
  }

  async commit(): Promise<void> {
    this.#requireFilling();
    this.#state = "committing";
    try {
      await this.#owner.commit(this);
    } finally {
      this.#end();
    }
  }

  async abort(): Promise<void> {
    if (this.#state !== "filling") return;
    await this.giveUp();
    // What stays in spite of it, the next `open` removes.
    await Promise.allSettled([this.#database.discard(chunksOf(this.generation))]);
  }

  /** Without removing anything: for a storage that is being closed. */
  async giveUp(): Promise<void> {
    await this.#writing;
    this.#end();
  }

  /** Makes the rest durable, and says what there is. */
  async finish(): Promise<Descriptor> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#chunkUsed > 0) this.#endChunk();
    await this.#flush();
    return { meta: this.meta, chunks: this.#chunks, dataBytes: this.#dataBytes, lastChain: this.#chain };
  }

  #endChunk(): void {
    const { value, chain } = encodeChunk(this.#chunk.subarray(0, this.#chunkUsed), this.#chain);
    this.#batch.push({ type: "put", key: chunkKey(this.generation, this.#chunks), value });
    this.#chain = chain;
    this.#chunks++;
    this.#chunkUsed = 0;
  }

  /** With a sync: what is not synced may be missing after a crash, even if a batch that comes later is there. */
  async #flush(): Promise<void> {
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    const written = this.#database.write(batch);
    this.#writing = Promise.allSettled([this.#writing, written]);
    try {
      await written;
    } catch (cause) {
      this.#failure = new LevelSnapshotError(
        `could not fill a snapshot in ${this.#database.location}`,
        cause,
      );
      throw this.#failure;
    }
  }

  #end(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    this.#chunk = new Uint8Array(0);
    this.#batch = [];
    this.#owner.release();
  }

  #requireFilling(): void {
    if (this.#state !== "filling") {
      throw new LevelUsageError("this snapshot was committed, given up, or cut off by close");
    }
  }
}
