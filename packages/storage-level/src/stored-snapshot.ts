import type { SnapshotMeta, StoredSnapshot } from "@eraft/core";
import type { Database } from "./database.ts";
import { readingError } from "./database.ts";
import { LevelUsageError } from "./errors.ts";
import { chunkKey } from "./keys.ts";
import type { CommittedSnapshot } from "./read-database.ts";
import { ChunkReader } from "./snapshot-records.ts";

/** A snapshot that somebody reads. Its chunks are kept until it has been read to its end, or given up. */
export class OpenSnapshot implements StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly size: number;
  readonly generation: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  #isClosed = false;

  constructor(
    database: Database,
    { generation, descriptor }: CommittedSnapshot,
    onDone: (reader: OpenSnapshot) => void,
  ) {
    this.meta = descriptor.meta;
    this.size = descriptor.dataBytes;
    this.generation = generation;
    const reader = new ChunkReader(database.location, generation, descriptor);
    const generator = this.#read(database, descriptor.chunks, reader, () => onDone(this));
    let isTaken = false;
    this.chunks = {
      [Symbol.asyncIterator]: () => {
        if (isTaken) throw new LevelUsageError("the chunks of a snapshot can be iterated once");
        isTaken = true;
        return generator;
      },
    };
  }

  /** The storage is closed: what has not been read will not be. */
  close(): void {
    this.#isClosed = true;
  }

  async *#read(
    database: Database,
    chunks: number,
    reader: ChunkReader,
    onDone: () => void,
  ): AsyncGenerator<Uint8Array> {
    try {
      for (let position = 0; position < chunks; position += 1) {
        yield reader.take(await this.#get(database, position));
      }
      reader.end();
    } finally {
      onDone();
    }
  }

  async #get(database: Database, position: number): Promise<Uint8Array | undefined> {
    if (this.#isClosed) throw new LevelUsageError("the storage has been closed");
    try {
      return await database.get(chunkKey(this.generation, position));
    } catch (error) {
      throw readingError(database.location, error);
    }
  }
}
