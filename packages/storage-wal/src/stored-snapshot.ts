import type { SnapshotMeta, StoredSnapshot } from "@eraft/core";
import { WalUsageError } from "./errors.ts";
import type { WalFile, WalFileSystem } from "./file-system.ts";
import { readFrames } from "./snapshot-reader.ts";

/**
 * The stored snapshot, open. The file is opened before anything else can happen, so it can be read to its end although a newer
 * snapshot may take away its name meanwhile. It is closed at the end, when the reader stops early, or by the storage.
 */
export class OpenSnapshot implements StoredSnapshot {
  readonly meta: SnapshotMeta;
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly #file: WalFile;
  readonly #onClose: (closed: OpenSnapshot) => void;
  #state: "unread" | "reading" | "closed" = "unread";

  constructor(
    fs: WalFileSystem,
    path: string,
    meta: SnapshotMeta,
    size: number,
    onClose: (closed: OpenSnapshot) => void,
  ) {
    this.meta = meta;
    this.size = size;
    this.#file = fs.open(path, "read");
    this.#onClose = onClose;
    this.chunks = { [Symbol.asyncIterator]: () => this.#read(path) };
  }

  async *#read(path: string): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#state !== "unread") {
      throw new WalUsageError("this snapshot has been read once, or the storage closed; ask for another");
    }
    this.#state = "reading";
    try {
      for await (const chunk of readFrames(this.#file, path)) {
        yield chunk;
        if (this.#isClosed()) throw new WalUsageError("the storage has been closed");
      }
    } finally {
      this.close();
    }
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  close(): void {
    if (this.#isClosed()) return;
    this.#state = "closed";
    this.#file.close();
    this.#onClose(this);
  }
}
