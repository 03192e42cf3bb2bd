import { setTimeout as after } from "node:timers/promises";
import { KvCompactedError, type KvClient, type KvraftClient } from "@eraft/kv";
import { leaderOf } from "../../support/cluster-view.ts";
import { TestCluster } from "../../support/test-cluster.ts";
import { Record } from "./record.ts";
import { Watcher, type WatcherPlan } from "./watcher.ts";
import { Writers } from "./writers.ts";

export interface WatchRunOptions {
  /** Revisions that are made. */
  readonly changes: number;
  readonly writers: number;
  readonly watchers: number;
  /** From one kill to the next, in milliseconds; longer if nobody leads by then, or the node that was killed before is not up again. */
  readonly killEveryMs: number;
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly say: (line: string) => void;
}

export interface WatchRunReport {
  readonly changes: number;
  readonly kills: number;
  readonly seconds: number;
  readonly watchers: readonly {
    readonly name: string;
    readonly changes: number;
    /** How often it went on at a server, the first one included. */
    readonly streams: number;
  }[];
  /** What a watcher was told that asked for the first change when it was not kept any more; null if all are kept. */
  readonly compacted: string | null;
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

const WRITERS_PREFIX = "writer/";

/**
 * Writes so many changes while the leader is killed again and again and comes back, under the eyes of watchers: of all keys and of some, from the beginning and
 * from later on, quick ones and slow ones. Each must be told all that concerns it, once and in order.
 */
export async function watchRun(options: WatchRunOptions): Promise<WatchRunReport> {
  const cluster = await TestCluster.start({ flags: options.flags });
  try {
    return await new WatchRun(cluster, options).run();
  } finally {
    await cluster.stop();
  }
}

class WatchRun {
  readonly #cluster: TestCluster;
  readonly #options: WatchRunOptions;
  /** For looking at the nodes. */
  readonly #onlooker: KvraftClient;
  readonly #kv: KvClient;
  readonly #record = new Record();
  #kills = 0;
  #isOver = false;

  constructor(cluster: TestCluster, options: WatchRunOptions) {
    this.#cluster = cluster;
    this.#options = options;
    this.#onlooker = cluster.client();
    this.#kv = cluster.kvClient({ deadlineMs: 60_000, maxConcurrentWrites: 1024 });
  }

  async run(): Promise<WatchRunReport> {
    const { changes, writers: count, say } = this.#options;
    await leaderOf(this.#onlooker);
    const beganMs = performance.now();
    const writers = new Writers(this.#kv, this.#record, { changes, writers: count, prefix: WRITERS_PREFIX });
    const watchers = this.#plans().map((plan) => new Watcher(this.#cluster, plan));
    const watching = watchers.map((watcher) => watcher.run());
    const killing = this.#killAgainAndAgain();
    const telling = setInterval(() => {
      const least = Math.min(...watchers.map(({ revision }) => revision));
      say(
        `${this.#record.size} of ${changes} changes, ${this.#kills} kills, all watchers are at ${least} or later`,
      );
    }, 5000);
    try {
      await Promise.race([writers.run(), killing.then(() => new Promise<never>(() => {}))]);
      this.#isOver = true;
      await killing;
      // What each of them has to see before it has seen everything.
      const last = await this.#kv.put("the end", "of it");
      this.#record.wrote(last.revision, "the end", "of it");
      await Promise.all(watching.map((end, at) => Promise.race([end, watchers[at]?.reaches(last.revision)])));
    } finally {
      clearInterval(telling);
      for (const watcher of watchers) watcher.close();
    }
    await Promise.all(watching);
    return {
      changes: this.#record.size,
      kills: this.#kills,
      seconds: (performance.now() - beganMs) / 1000,
      watchers: watchers.map(({ name, seen, streams }) => ({ name, changes: seen.length, streams })),
      compacted: await this.#askForTheFirst(),
      problems: [
        ...this.#record.problems(),
        ...watchers.flatMap((watcher) => watcher.problems(this.#record)),
      ],
    };
  }

  #plans(): readonly WatcherPlan[] {
    const { watchers, changes } = this.#options;
    return Array.from({ length: watchers }, (_, at): WatcherPlan => {
      // Two of five see one writer's keys only, the fourth is slow, the fifth comes late.
      const kind = at % 5;
      const base = { prefix: "", pauseMs: 0, beginAfterRevision: 0 };
      if (kind === 1) return { ...base, name: `keys of writer ${at}`, prefix: `${WRITERS_PREFIX}${at}/` };
      if (kind === 2)
        return {
          ...base,
          name: `keys of writer ${at}, slow`,
          prefix: `${WRITERS_PREFIX}${at}/`,
          pauseMs: 100,
        };
      if (kind === 3) return { ...base, name: "all keys, slow", pauseMs: 20 };
      if (kind === 4) return { ...base, name: "all keys, late", beginAfterRevision: Math.floor(changes / 3) };
      return { ...base, name: "all keys" };
    });
  }

  /** Two of the nodes are up whenever one is killed; that one comes back at once, and has to catch up while the next one is killed. */
  async #killAgainAndAgain(): Promise<void> {
    let back: Promise<void> = Promise.resolve();
    for (;;) {
      const beganMs = performance.now();
      while (!this.#isOver && performance.now() - beganMs < this.#options.killEveryMs) await after(20);
      await back;
      if (this.#isOver) return;
      const { id } = await leaderOf(this.#onlooker);
      await this.#cluster.kill(id);
      this.#kills += 1;
      back = this.#cluster.restart(id);
      // Told where it is awaited.
      back.catch(() => {});
    }
  }

  /** Null if it was told. */
  async #askForTheFirst(): Promise<string | null> {
    const watch = this.#kv.watch({}, { fromRevision: 1 });
    try {
      await watch.started();
      return null;
    } catch (error) {
      if (error instanceof KvCompactedError) return `compacted, it can begin with ${error.firstRevision}`;
      throw error;
    } finally {
      watch.close();
    }
  }
}
