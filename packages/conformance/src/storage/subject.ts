import type { SnapshotMeta, SnapshotSink, Storage, WriteBatch } from "@eraft/core";
import { collect, concat } from "../common/bytes.ts";
import type { Witness } from "../common/witness.ts";
import type { StorageSite } from "./harness.ts";
import { type Contents, Model } from "./model.ts";
import { type Step, describeStep } from "./steps.ts";

/** A storage beside the model of what it must hold. Every (re)opening compares the two. */
export class Subject<Site extends StorageSite = StorageSite> {
  readonly site: Site;
  readonly witness: Witness;
  readonly model: Model;
  #storage: Storage | null = null;
  #pending: { readonly sink: SnapshotSink; readonly meta: SnapshotMeta; readonly bytes: Uint8Array } | null =
    null;

  constructor(site: Site, witness: Witness, model: Model = new Model()) {
    this.site = site;
    this.witness = witness;
    this.model = model;
  }

  /** The one that is open. */
  get storage(): Storage {
    return this.#storage ?? this.witness.fail("an open storage", "none");
  }

  /** Between `fill` and `commit` or `abort`. */
  get isFilling(): boolean {
    return this.#pending !== null;
  }

  /** Opens a storage on the place, and compares what it finds with the model. */
  async open(): Promise<void> {
    const found = await this.openAny();
    this.witness.equal(found, this.model.contents(), "after opening");
  }

  /** Opens a storage on the place, whatever it finds. */
  async openAny(): Promise<Contents> {
    this.#storage = this.site.storage();
    this.witness.did("open");
    const { hardState, snapshot, entries } = await this.#storage.open();
    const snapshotBytes = await this.readSnapshot(snapshot);
    return { hardState, snapshot, entries, snapshotBytes };
  }

  /** The bytes of the stored snapshot, which must be the one that `meta` says. */
  async readSnapshot(meta: SnapshotMeta | null): Promise<Uint8Array> {
    const stored = await this.storage.readSnapshot();
    this.witness.equal(stored?.meta ?? null, meta, "the meta of readSnapshot");
    if (stored === null) return new Uint8Array(0);
    const bytes = await collect(stored.chunks);
    this.witness.equal(
      stored.size,
      bytes.length,
      "the size of the stored snapshot, and the bytes in its chunks",
    );
    return bytes;
  }

  /** Reads the snapshot of the open storage and compares it with the model. */
  async expectSnapshot(): Promise<void> {
    const { snapshot, snapshotBytes } = this.model.contents();
    this.witness.equal(await this.readSnapshot(snapshot), snapshotBytes, "the bytes of the stored snapshot");
  }

  async close(): Promise<void> {
    if (this.#storage === null) return;
    const storage = this.#storage;
    this.#storage = null;
    this.#pending = null;
    this.witness.did("close");
    await storage.close();
  }

  /** Closes, opens, compares. */
  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  /** The process dies, and another one opens the place. Only for sites that have `kill`. */
  async killAndOpen(): Promise<void> {
    this.witness.did("kill the process");
    this.#storage = null;
    this.#pending = null;
    await this.site.kill?.();
    await this.open();
  }

  async write(batch: WriteBatch): Promise<void> {
    await this.take({ type: "write", batch });
  }

  /** Does `steps` to the storage and to the model. */
  async take(...steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.witness.did(describeStep(step));
      await this.#take(step);
    }
  }

  async #take(step: Step): Promise<void> {
    switch (step.type) {
      case "write":
        await this.storage.write(step.batch);
        this.model.write(step.batch);
        return;
      case "fill": {
        const sink = await this.storage.createSnapshot(step.meta);
        for (const chunk of step.chunks) await sink.write(chunk);
        this.#pending = { sink, meta: step.meta, bytes: concat(step.chunks) };
        return;
      }
      case "commit": {
        const { sink, meta, bytes } = this.#takePending();
        await sink.commit();
        this.model.commit(meta, bytes);
        return;
      }
      case "abort":
        return this.#takePending().sink.abort();
      case "staleSnapshot":
        return this.witness.rejects(this.storage.createSnapshot(step.meta), "createSnapshot");
    }
  }

  #takePending(): { sink: SnapshotSink; meta: SnapshotMeta; bytes: Uint8Array } {
    const pending = this.#pending ?? this.witness.fail("a sink that has been filled", "none");
    this.#pending = null;
    return pending;
  }
}
