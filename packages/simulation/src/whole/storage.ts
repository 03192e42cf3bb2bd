import type { Restored, SnapshotMeta, SnapshotSink, Storage, StoredSnapshot, WriteBatch } from "@eraft/core";
import { digestBytes } from "./chronicle.ts";
import type { DurableDisk } from "./durable-disk.ts";
import { DiskOperations } from "./disk-operations.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** What is read comes in about so many pieces, so that also small snapshots can break off in the middle. */
const PIECES = 6;

/** The port `Storage` of one process, over the disk of its server. Watches that the port's rules for the caller are kept. */
export class SimulatedStorage implements Storage {
  readonly #world: World;
  readonly #life: Life;
  readonly #disk: DurableDisk;
  readonly #operations: DiskOperations;
  #isOpen = false;
  #writing: Promise<void> | null = null;
  #sink: object | null = null;

  constructor(world: World, life: Life, disk: DurableDisk) {
    this.#world = world;
    this.#life = life;
    this.#disk = disk;
    this.#operations = new DiskOperations(world, life, disk);
  }

  open(): Promise<Restored> {
    this.#mustHold(!this.#isOpen, "it is opened twice");
    return this.#operations.run("open", () => {
      if (this.#disk.holder !== null) throw new Error("the storage is in use by another process");
      if (this.#disk.isDamaged) throw new Error("the log is damaged below its end");
      this.#disk.holder = this.#life;
      this.#isOpen = true;
      return this.#disk.restored();
    });
  }

  async write(batch: WriteBatch): Promise<void> {
    this.#mustBeUsable("write");
    this.#mustHold(this.#writing === null, "a second write begins before the first is done");
    const { judge } = this.#world;
    this.#writing = this.#operations.run("write", () => {
      judge.observe(
        () => this.#disk.write(batch, (entry, prevTerm) => judge.history.logs(entry, prevTerm)),
        "Storage Protocol",
      );
    });
    try {
      await this.#writing;
    } finally {
      this.#writing = null;
    }
  }

  async createSnapshot(meta: SnapshotMeta): Promise<SnapshotSink> {
    this.#mustBeUsable("createSnapshot");
    this.#mustHold(this.#sink === null, "a second snapshot is created before the first is done");
    const sink: SnapshotSink = this.#newSink(meta);
    this.#sink = sink;
    try {
      await this.#operations.run("createSnapshot", () => {
        const { snapshotIndex } = this.#disk;
        if (meta.lastIncludedIndex <= snapshotIndex) throw new Error(`not newer than ${snapshotIndex}`);
        this.#disk.isStaging = true;
      });
    } catch (error) {
      this.#sink = null;
      throw error;
    }
    return sink;
  }

  async readSnapshot(): Promise<StoredSnapshot | null> {
    this.#mustBeUsable("readSnapshot");
    const stored = await this.#operations.run("readSnapshot", () => this.#disk.snapshot);
    return stored && { meta: stored.meta, size: stored.bytes.length, chunks: this.#read(stored.bytes) };
  }

  size(): number {
    return this.#disk.sizeBytes;
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => {});
    this.#isOpen = false;
    this.#sink = null;
    await this.#operations.run("close", () => {
      if (this.#disk.holder === this.#life) this.#disk.holder = null;
    });
  }

  #newSink(meta: SnapshotMeta): SnapshotSink {
    const chunks: Uint8Array[] = [];
    const mustBeCurrent = (): void =>
      this.#mustHold(this.#sink === sink, "a sink is used after its commit or abort");
    const sink: SnapshotSink = {
      write: (chunk) => {
        this.#mustBeUsable("sink.write");
        mustBeCurrent();
        const copy = new Uint8Array(chunk);
        return this.#operations.run("sink.write", () => void chunks.push(copy));
      },
      commit: async () => {
        this.#mustBeUsable("sink.commit");
        mustBeCurrent();
        await this.#operations.run("sink.commit", () => this.#install(meta, chunks));
        if (this.#sink === sink) this.#sink = null;
      },
      abort: async () => {
        if (this.#life.isOver) return;
        if (this.#sink === sink) this.#sink = null;
        this.#disk.isStaging = false;
      },
    };
    return sink;
  }

  #install(meta: SnapshotMeta, chunks: readonly Uint8Array[]): void {
    const { judge, chronicle, timeline } = this.#world;
    const bytes = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    chronicle.isSnapshot(this.#life.server, meta.lastIncludedIndex, digestBytes(bytes));
    judge.observe(() => judge.history.snapshots(meta));
    judge.observe(() => this.#disk.install({ meta: { ...meta }, bytes }), "Storage Protocol");
    this.#disk.isStaging = false;
    timeline.note("snapshot stored", this.#life.server, meta.lastIncludedIndex);
  }

  async *#read(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length;) {
      const size = this.#world.random.disk.integer(1, Math.ceil((2 * bytes.length) / PIECES));
      yield await this.#operations.run("readChunk", () => {
        if (this.#disk.isDamaged) throw new Error("the snapshot is damaged");
        return bytes.slice(at, at + size);
      });
      at += size;
    }
  }

  #mustBeUsable(operation: string): void {
    this.#mustHold(this.#isOpen, `${operation} while it is not open`);
    this.#mustHold(!this.#operations.hasFailed, `${operation} after a write or a commit was rejected`);
  }

  #mustHold(holds: boolean, what: string): void {
    if (this.#life.isOver && !this.#life.isReleased) return;
    this.#world.judge.check(holds, "Storage Protocol", () => `server ${this.#life.server}: ${what}`);
  }
}
