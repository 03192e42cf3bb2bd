import type { Restored, SnapshotMeta, SnapshotSink, Storage, StoredSnapshot, WriteBatch } from "@eraft/core";
import { MemoryStorage } from "@eraft/storage-memory";

export type Operation =
  | "open"
  | "write"
  | "createSnapshot"
  | "sink.write"
  | "sink.commit"
  | "readSnapshot"
  | "read chunk";

/** A storage with a hook before each operation, which may wait or throw. */
export class FaultyStorage implements Storage {
  readonly inner: MemoryStorage;
  readonly calls: Operation[] = [];
  closes = 0;
  before: (operation: Operation) => Promise<void> | void = () => {};

  constructor(inner: MemoryStorage = new MemoryStorage()) {
    this.inner = inner;
  }

  async open(): Promise<Restored> {
    await this.#enter("open");
    return this.inner.open();
  }

  async write(batch: WriteBatch): Promise<void> {
    await this.#enter("write");
    return this.inner.write(batch);
  }

  async createSnapshot(meta: SnapshotMeta): Promise<SnapshotSink> {
    await this.#enter("createSnapshot");
    const sink = await this.inner.createSnapshot(meta);
    return {
      write: async (chunk) => {
        await this.#enter("sink.write");
        return sink.write(chunk);
      },
      commit: async () => {
        await this.#enter("sink.commit");
        return sink.commit();
      },
      abort: () => sink.abort(),
    };
  }

  async readSnapshot(): Promise<StoredSnapshot | null> {
    await this.#enter("readSnapshot");
    const stored = await this.inner.readSnapshot();
    const enter = (): Promise<void> => this.#enter("read chunk");
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for await (const chunk of stored?.chunks ?? []) {
        await enter();
        yield chunk;
      }
    }
    return stored && { ...stored, chunks: chunks() };
  }

  size(): number {
    return this.inner.size();
  }

  async close(): Promise<void> {
    this.closes += 1;
    return this.inner.close();
  }

  async #enter(operation: Operation): Promise<void> {
    this.calls.push(operation);
    await this.before(operation);
  }
}
