import type { Configuration, LogIndex, SnapshotMeta, SnapshotSink, Storage } from "@eraft/core";
import type { Applier } from "../applier.ts";
import { messageOf, StateMachineFailedError, StorageFailedError } from "../errors.ts";
import type { Host } from "../host.ts";
import { Pace } from "../slices.ts";

/** How many times `snapshotBytes` the log may become for the sake of a large state: all of it is in memory, and read again at the next start. */
export const MOST_TIMES: number = 4;

/** Keeps the log short: takes a snapshot of the own state machine, while it goes on, when that would make enough of the log superfluous. */
export class LocalSnapshots {
  readonly #storage: Storage;
  readonly #applier: Applier;
  readonly #host: Host;
  readonly #snapshotBytes: number;
  readonly #configurationAt: (index: LogIndex) => Configuration | null;
  #running: Promise<void> | null = null;
  #isSuspended = false;
  /** After a failure: not before this much is superfluous, so that a full disk is not tried again with every entry. */
  #retryBytes = 0;
  /**
   * Of the last snapshot. The log may grow as large before the next one: otherwise a state of a gigabyte would be written anew for every few megabytes that come in, by
   * every server, and there would be time for little else (dissertation, 5.1.3).
   */
  #lastBytes = 0;

  constructor(parts: {
    readonly storage: Storage;
    readonly applier: Applier;
    readonly host: Host;
    readonly snapshotBytes: number;
    readonly configurationAt: (index: LogIndex) => Configuration | null;
  }) {
    this.#storage = parts.storage;
    this.#applier = parts.applier;
    this.#host = parts.host;
    this.#snapshotBytes = parts.snapshotBytes;
    this.#configurationAt = parts.configurationAt;
  }

  /** To be called when the state machine may stand between two batches. */
  consider(compactableBytes: number): void {
    const most = MOST_TIMES * this.#snapshotBytes;
    const dueBytes = Math.max(this.#snapshotBytes, Math.min(this.#lastBytes, most));
    if (compactableBytes < Math.max(dueBytes, this.#retryBytes)) return;
    if (this.#isSuspended || this.#running !== null || !this.#applier.isIdle) return;
    let view: AsyncIterator<Uint8Array>;
    try {
      view = this.#applier.view()[Symbol.asyncIterator]();
    } catch (error) {
      this.#host.fail(new StateMachineFailedError(error));
      return;
    }
    const retryBytes = compactableBytes + this.#snapshotBytes / 2;
    this.#running = this.#take(this.#meta, view, retryBytes);
  }

  get #meta(): SnapshotMeta {
    const { applied } = this.#applier;
    const configuration = this.#configurationAt(applied.lastIncludedIndex);
    return configuration === null ? applied : { ...applied, configuration };
  }

  /** Gives up the snapshot under way, if any, and takes none until `resume`. Resolves when its sink is gone. */
  async suspend(): Promise<void> {
    this.#isSuspended = true;
    await this.#running;
  }

  /** The log is another one now, perhaps: an earlier failure says nothing about the next try. */
  resume(): void {
    this.#isSuspended = false;
    this.#retryBytes = 0;
  }

  async #take(meta: SnapshotMeta, view: AsyncIterator<Uint8Array>, retryBytes: number): Promise<void> {
    let sink: SnapshotSink | null = null;
    this.#retryBytes = 0;
    try {
      sink = await this.#storage.createSnapshot(meta);
      if (await this.#fill(sink, view)) await this.#commit(sink, meta);
    } catch (error) {
      this.#retryBytes = retryBytes;
      // Nothing is lost: the log is still whole. If the disk is really broken, the next write will say so.
      this.#host.logger.error(`Taking a snapshot failed, the log stays long: ${messageOf(error)}`, { error });
    } finally {
      await view.return?.().catch(() => {});
      await sink?.abort().catch(() => {});
      this.#running = null;
    }
  }

  /** False if it was not, and will not be, filled. */
  async #fill(sink: SnapshotSink, view: AsyncIterator<Uint8Array>): Promise<boolean> {
    const pace = new Pace(this.#host.turns);
    let bytes = 0;
    while (!this.#isSuspended) {
      let next: IteratorResult<Uint8Array>;
      try {
        next = await view.next();
      } catch (error) {
        // A state that cannot be read is not one to go on with.
        this.#host.fail(new StateMachineFailedError(error));
        return false;
      }
      if (next.done === true) {
        this.#lastBytes = bytes;
        return !this.#isSuspended;
      }
      bytes += next.value.length;
      await sink.write(next.value);
      await pace.passed(next.value.length);
    }
    return false;
  }

  async #commit(sink: SnapshotSink, snapshot: SnapshotMeta): Promise<void> {
    try {
      await sink.commit();
    } catch (error) {
      this.#host.fail(new StorageFailedError(error));
      return;
    }
    this.#host.push({ type: "compacted", snapshot });
    this.#host.events.emit("snapshot", { ...snapshot, source: "local" });
  }
}
