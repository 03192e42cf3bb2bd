import type { KvClient, KvOperations, KvStream } from "@eraft/kv";
import type { Record } from "./record.ts";

export interface WritersOptions {
  readonly changes: number;
  readonly writers: number;
  readonly prefix: string;
}

const KEYS_EACH = 50;

/**
 * Puts, now and then a delete, and batches of several keys, each by one of many writers with one call at a time, every other one over a stream. Every write is one
 * revision.
 */
export class Writers {
  readonly #kv: KvClient;
  readonly #stream: KvStream;
  readonly #record: Record;
  readonly #options: WritersOptions;
  #left: number;

  constructor(kv: KvClient, record: Record, options: WritersOptions) {
    this.#kv = kv;
    this.#stream = kv.stream();
    this.#record = record;
    this.#options = options;
    this.#left = options.changes;
  }

  /** Resolves once all is written. A write that fails ends it: none may. */
  async run(): Promise<void> {
    const writers = Array.from({ length: this.#options.writers }, (_, writer) => this.#write(writer));
    await Promise.all(writers);
    this.#stream.close();
  }

  async #write(writer: number): Promise<void> {
    const kv = writer % 2 === 0 ? this.#kv : this.#stream;
    const keys = `${this.#options.prefix}${writer}/`;
    for (let count = 0; this.#left > 0; count += 1) {
      this.#left -= 1;
      const key = `${keys}${count % KEYS_EACH}`;
      const value = `${writer}.${count}`;
      if (count % 20 === 19) await this.#writeTwo(kv, key, `${keys}pair`, value);
      else if (count % 20 === 9) await this.#deleteOrPut(kv, key, value);
      else this.#record.wrote((await kv.put(key, value)).revision, key, value);
    }
  }

  async #writeTwo(kv: KvOperations, key: string, other: string, value: string): Promise<void> {
    const { revision } = await kv.batch([
      { op: "put", key, value },
      { op: "put", key: other, value },
    ]);
    this.#record.wroteAll(revision, [
      { key, value },
      { key: other, value },
    ]);
  }

  /** One change in any case: what is not there cannot be deleted. */
  async #deleteOrPut(kv: KvOperations, key: string, value: string): Promise<void> {
    const { deleted, revision } = await kv.delete(key);
    if (deleted) this.#record.wrote(revision, key, null);
    else this.#record.wrote((await kv.put(key, value)).revision, key, value);
  }
}
