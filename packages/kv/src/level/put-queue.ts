import type { Disk } from "./disk.ts";
import type { LevelOperation } from "./level-database.ts";

/** LevelDB copies a batch, in one piece, before it goes on. */
const BATCH_BYTES = 1 << 20;

/** Records that are written as they come, many at a time. */
export class PutQueue {
  readonly #disk: Disk;
  #operations: LevelOperation[] = [];
  #bytes = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#operations.push({ type: "put", key, value });
    this.#bytes += key.length + value.length;
  }

  /** Writes what has gathered, if that is much. */
  async drain(): Promise<void> {
    if (this.#bytes >= BATCH_BYTES) await this.finish();
  }

  /** Resolves when all of it is durable. */
  async finish(): Promise<void> {
    const operations = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    if (operations.length > 0) await this.#disk.write(operations);
  }
}
