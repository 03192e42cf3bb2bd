import type { SnapshotSink } from "@eraft/core";
import { WalSnapshotError, WalUsageError } from "./errors.ts";
import type { SnapshotWriter } from "./snapshot-writer.ts";

/** What the sink needs of its storage. */
export interface SinkOwner {
  /** Makes the snapshot the stored one. */
  commit(writer: SnapshotWriter): Promise<void>;
  /** The sink is done, one way or another. */
  release(): void;
}

export class WalSnapshotSink implements SnapshotSink {
  readonly #writer: SnapshotWriter;
  readonly #owner: SinkOwner;
  #state: "filling" | "committing" | "done" = "filling";
  #committed: Promise<void> | null = null;

  constructor(writer: SnapshotWriter, owner: SinkOwner) {
    this.#writer = writer;
    this.#owner = owner;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#requireFilling("write");
    try {
      await this.#writer.write(chunk);
    } catch (cause) {
      this.#discard();
      throw new WalSnapshotError(`could not write ${this.#writer.temporaryPath}`, cause);
    }
  }

  async commit(): Promise<void> {
    this.#requireFilling("commit");
    this.#state = "committing";
    this.#committed = this.#commit();
    return this.#committed;
  }

  async #commit(): Promise<void> {
    try {
      await this.#owner.commit(this.#writer);
    } finally {
      this.#state = "done";
      this.#owner.release();
    }
  }

  abort(): Promise<void> {
    if (this.#state === "filling") this.#discard();
    return Promise.resolve();
  }

  /** Aborts, or waits for a commit under way. Never rejects. */
  async finish(): Promise<void> {
    await this.abort();
    try {
      await this.#committed;
    } catch {
      // Whoever called `commit` hears of it.
    }
  }

  #discard(): void {
    if (this.#state !== "filling") return;
    this.#state = "done";
    this.#writer.discard();
    this.#owner.release();
  }

  #requireFilling(what: string): void {
    if (this.#state !== "filling") {
      throw new WalUsageError(`cannot ${what}: this snapshot has been committed or given up`);
    }
  }
}
