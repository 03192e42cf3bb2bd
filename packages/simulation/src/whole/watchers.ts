import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { type HistoryView, byteStringOf } from "@eraft/kv";
import { FailureSchema, Reason, type WatchResponse, WatchRequestSchema } from "@eraft/proto/eraft/kv/v1";
import { mustHold } from "../violation.ts";
import type { Server } from "./server.ts";
import type { World } from "./world.ts";

/** What each watcher watches: all there is, and the keys of some callers. */
const PREFIXES = ["", "log", "register"];

/** Of a watch that breaks: it goes on at another server. Any other failure is one that cannot be, as all changes are kept. */
const PASSING: ReadonlySet<Reason | undefined> = new Set([
  Reason.NOT_LEADER,
  Reason.TIMEOUT,
  Reason.NOT_SERVING,
  Reason.BUSY,
]);

interface Watcher {
  readonly prefix: string;
  /** As `revision key`, with a star where the key was deleted. */
  readonly seen: string[];
  /** All below this has been told. */
  next: number;
}

/**
 * Watches that go from server to server, and take what they are told at their own pace. However the leaders change and the servers die, each must see every change of its range, once and in
 * order.
 */
export class Watchers {
  readonly #world: World;
  readonly #servers: readonly Server[];
  readonly #watchers: readonly Watcher[] = PREFIXES.map((prefix) => ({ prefix, seen: [], next: 1 }));
  readonly #end = new AbortController();

  constructor(world: World, servers: readonly Server[]) {
    this.#world = world;
    this.#servers = servers;
  }

  begin(): void {
    for (const watcher of this.#watchers) void this.#run(watcher);
  }

  end(): void {
    this.#end.abort();
  }

  /** Whether all have been told all up to `revision`. */
  haveSeen(revision: number): boolean {
    return this.#watchers.every(({ next }) => next > revision);
  }

  check(history: HistoryView): void {
    mustHold(history.firstRevision === 1, "Watches", () => "the history is too short for this check");
    for (const { prefix, seen } of this.#watchers) {
      const all: string[] = [];
      for (let revision = 1; revision <= history.revision; revision += 1) {
        for (const { key, item } of history.changesOf(revision) ?? []) {
          if (key.startsWith(prefix)) all.push(nameOf(revision, key, item === null));
        }
      }
      const at = all.findIndex((name, i) => seen[i] !== name);
      mustHold(
        at === -1 && seen.length === all.length,
        "Every Change Once And In Order",
        () =>
          `the watcher of "${prefix}" has seen ${seen[at] ?? "nothing"} where ${all[at] ?? "nothing"} was`,
      );
    }
  }

  async #run(watcher: Watcher): Promise<void> {
    const { timeline, random } = this.#world;
    while (!this.#end.signal.aborted) {
      await timeline.sleep(random.clients.exponential(20));
      const { life, kvV1 } = random.clients.pick(this.#servers);
      if (life === null || life.isOver || kvV1 === null) continue;
      const controller = new AbortController();
      const { promise: broken, reject } = Promise.withResolvers<never>();
      broken.catch(() => {});
      const breakOff = (): void => {
        controller.abort();
        reject(new Error("the connection has broken"));
      };
      life.onEnd(breakOff);
      this.#end.signal.addEventListener("abort", breakOff);
      const request = create(WatchRequestSchema, {
        range: { prefix: new TextEncoder().encode(watcher.prefix) },
        fromRevision: BigInt(watcher.next),
      });
      try {
        const responses = kvV1.watch(request, { signal: controller.signal, timeoutMs: () => undefined });
        await this.#take(watcher, responses, broken);
      } catch (error) {
        this.#judge(watcher, error);
      }
      this.#end.signal.removeEventListener("abort", breakOff);
      breakOff();
    }
  }

  async #take(
    watcher: Watcher,
    responses: AsyncGenerator<WatchResponse, void, undefined>,
    broken: Promise<never>,
  ): Promise<void> {
    const { timeline, random, coverage } = this.#world;
    let repeated = 0;
    for (;;) {
      const { value } = await Promise.race([responses.next(), broken]);
      if (!value) return;
      for (const { change } of value.changes) {
        const item = change.value;
        if (item === undefined) continue;
        watcher.seen.push(nameOf(Number(item.modRevision), byteStringOf(item.key), change.case === "delete"));
      }
      watcher.next = Number(value.revision) + 1;
      coverage.hit(value.changes.length > 0 ? "changesTold" : "progressTold");
      repeated = value.changes.length > 0 ? 0 : repeated + 1;
      // A server that was removed, or is cut off, goes on saying that there is nothing new. Whoever is told so twice asks another one, as KvClient does.
      if (repeated > 1 || random.clients.chance(0.2)) return;
      await timeline.sleep(random.clients.exponential(10));
    }
  }

  #judge(watcher: Watcher, error: unknown): void {
    if (!(error instanceof ConnectError)) return;
    const reason = error.findDetails(FailureSchema)[0]?.reason;
    this.#world.judge.check(
      PASSING.has(reason),
      "Watches Go On",
      () => `a watch from revision ${watcher.next} on: ${error.message}`,
    );
    this.#world.coverage.hit("watchBroke");
  }
}

function nameOf(revision: number, key: string, isDeleted: boolean): string {
  return `${revision} ${key}${isDeleted ? "*" : ""}`;
}
