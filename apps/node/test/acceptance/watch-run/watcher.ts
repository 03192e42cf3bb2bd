import { setTimeout as after } from "node:timers/promises";
import type { KvWatch } from "@eraft/kv";
import type { TestCluster } from "../../support/test-cluster.ts";
import { type Record, lineOf } from "./record.ts";

export interface WatcherPlan {
  readonly name: string;
  readonly prefix: string;
  /** At every hundredth revision. */
  readonly pauseMs: number;
  /** Waits until the store has come so far, and then begins with the revision after it. */
  readonly beginAfterRevision: number;
}

/** One that watches, and keeps what it is told. */
export class Watcher {
  readonly seen: string[] = [];
  readonly #cluster: TestCluster;
  readonly #plan: WatcherPlan;
  readonly #watch: KvWatch;
  readonly #reached = new Map<number, () => void>();
  #fromRevision: number;
  #isOver = false;
  revision = 0;

  constructor(cluster: TestCluster, plan: WatcherPlan) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#fromRevision = plan.beginAfterRevision + 1;
    // A client each, as watchers are in processes of their own.
    const { prefix } = plan;
    this.#watch = cluster.kvClient().watch({ prefix }, { fromRevision: this.#fromRevision });
  }

  get name(): string {
    return this.#plan.name;
  }

  get streams(): number {
    return this.#watch.attempts;
  }

  /** Resolves once it is closed. Rejects if the watch ends by itself. */
  async run(): Promise<void> {
    await this.#wait();
    for await (const { changes, revision } of this.#watch.updates()) {
      for (const change of changes)
        this.seen.push(lineOf(change.revision, change.keyText, change.item?.text ?? null));
      this.revision = revision;
      for (const [wanted, resolve] of this.#reached) if (revision >= wanted) resolve();
      const { pauseMs } = this.#plan;
      if (pauseMs > 0 && changes.length > 0 && revision % 100 === 0) await after(pauseMs);
    }
    if (!this.#isOver) throw new Error(`the watch of ${this.name} ended by itself`);
  }

  /** Resolves once it has been told all up to this revision. */
  async reaches(revision: number): Promise<void> {
    if (this.revision >= revision) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reached.set(revision, resolve);
    await promise;
  }

  close(): void {
    this.#isOver = true;
    this.#watch.close();
  }

  /** What it was told that it should not have been, or the other way round. */
  problems(record: Record): readonly string[] {
    const should = record.lines(this.#plan.prefix, this.#fromRevision);
    const differs = should.findIndex((line, at) => line !== this.seen[at]);
    const at = differs === -1 ? should.length : differs;
    if (at === should.length && this.seen.length === should.length) return [];
    const [wanted, got] = [should, this.seen].map((lines) => lines.at(at) ?? "nothing more");
    return [`${this.name}: as change number ${at + 1} it was told ${got}, and not ${wanted}`];
  }

  /** A store that has not come so far would say that this is the future. */
  async #wait(): Promise<void> {
    if (this.#plan.beginAfterRevision === 0) return;
    const kv = this.#cluster.kvClient();
    while (!this.#isOver) {
      const { revision } = await kv.scanPage({}, { limit: 1, deadlineMs: 60_000 });
      if (revision >= this.#plan.beginAfterRevision) break;
      await after(50);
    }
    kv.close();
  }
}
