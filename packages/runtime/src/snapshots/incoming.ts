import type { InstallSnapshot, Raft, SnapshotMeta, SnapshotSink, StateMachine, Storage } from "@eraft/core";
import type { Applier } from "../applier.ts";
import { StorageFailedError, StoppedError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Loop } from "../loop.ts";
import type { LocalSnapshots } from "./local.ts";
import { paced } from "../slices.ts";
import { restoreFromStorage } from "./restore.ts";

/** A leader sends one at a time. Its second tries, and those of a leader that does not know yet that it is none, make two or three. */
const MAX_WAITING = 8;

/** Takes snapshots from the leader, one at a time (dissertation, 5.1, InstallSnapshot). */
export class IncomingSnapshots {
  readonly #raft: Raft;
  readonly #loop: Loop;
  readonly #storage: Storage;
  readonly #stateMachine: StateMachine;
  readonly #applier: Applier;
  readonly #local: LocalSnapshots;
  readonly #host: Host;
  #lane: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parts: {
    readonly raft: Raft;
    readonly loop: Loop;
    readonly storage: Storage;
    readonly stateMachine: StateMachine;
    readonly applier: Applier;
    readonly local: LocalSnapshots;
    readonly host: Host;
  }) {
    this.#raft = parts.raft;
    this.#loop = parts.loop;
    this.#storage = parts.storage;
    this.#stateMachine = parts.stateMachine;
    this.#applier = parts.applier;
    this.#local = parts.local;
    this.#host = parts.host;
  }

  /**
   * See `Receiver.receiveSnapshot`. A leader that got no answer in time sends the same snapshot again while the first copy is still
   * being staged. The second one waits here, is not wanted any more when its turn comes, and is answered without reading its data.
   */
  async receive(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw new Error(`${MAX_WAITING} snapshots are waiting already`);
    this.#waiting += 1;
    const before = this.#lane;
    const done = (async () => {
      await before;
      this.#waiting -= 1;
      if (this.#host.isClosed()) throw new StoppedError();
      if (this.#raft.wantsSnapshot(header)) await this.#stage(header, chunks);
      else this.#host.push({ type: "receive", message: header });
    })();
    this.#lane = done.catch(() => {});
    await done;
  }

  async #stage(header: InstallSnapshot, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let sink: SnapshotSink | null = null;
    try {
      // One sink at a time. Our own snapshot would be older than this one anyway.
      await this.#local.suspend();
      sink = await this.#storage.createSnapshot(metaOf(header));
      for await (const chunk of paced(chunks, this.#host.turns)) {
        if (this.#host.isClosed()) throw new StoppedError();
        await sink.write(chunk);
      }
      if (await this.#loop.offer(header)) await this.#install(sink, header);
      else if (this.#host.isClosed()) throw new StoppedError();
    } finally {
      await sink?.abort().catch(() => {});
      this.#local.resume();
    }
  }

  async #install(sink: SnapshotSink, header: InstallSnapshot): Promise<void> {
    const meta = metaOf(header);
    // A write under way may hold entries below the snapshot. Stored after it, they would not follow the log's new end.
    await this.#loop.writesDone();
    const isRestored = await this.#applier.restore(async () => {
      // That write may have been rejected. Then what the disk holds is unknown, and a snapshot committed on top would be built on that.
      if (this.#host.isClosed()) throw new StoppedError();
      try {
        await sink.commit();
      } catch (error) {
        throw new StorageFailedError(error);
      }
      await restoreFromStorage(this.#storage, this.#stateMachine, meta, this.#host.turns);
      return meta;
    });
    if (!isRestored) throw new StoppedError();
    this.#host.push({ type: "restored" });
    this.#host.events.emit("snapshot", { ...meta, source: "received" });
  }
}

function metaOf({ lastIncludedIndex, lastIncludedTerm, configuration }: InstallSnapshot): SnapshotMeta {
  const position = { lastIncludedIndex, lastIncludedTerm };
  return configuration === undefined ? position : { ...position, configuration };
}
