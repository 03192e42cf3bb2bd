import type { Entry, LogIndex, RequestId, SnapshotMeta, StateMachine } from "@eraft/core";
import { nextTurn } from "./clock.ts";
import { NodeFailedError, StateMachineFailedError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Requests } from "./requests.ts";

/** One slice is applied without a turn of the event loop; a long backlog must not keep heartbeats from being sent. */
const MAX_SLICE_ENTRIES = 1024;
const MAX_SLICE_BYTES = 1 << 20;

/** Everything that happens to the state machine, one thing after the other; only queries run beside. */
export class Applier {
  readonly #stateMachine: StateMachine;
  readonly #requests: Requests;
  readonly #host: Host;
  readonly #queries = new Set<Promise<void>>();
  #lane: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #applied: SnapshotMeta = { lastIncludedIndex: 0, lastIncludedTerm: 0 };

  constructor(stateMachine: StateMachine, requests: Requests, host: Host) {
    this.#stateMachine = stateMachine;
    this.#requests = requests;
    this.#host = host;
  }

  /** The prefix of the log that the state reflects, as the meta of a snapshot taken now. */
  get applied(): SnapshotMeta {
    return this.#applied;
  }

  get lastApplied(): LogIndex {
    return this.#applied.lastIncludedIndex;
  }

  /** True between two batches: nothing changes the state. */
  get isIdle(): boolean {
    return this.#busy === 0;
  }

  /** At the start: the state machine has this much already. */
  resumeAt(applied: SnapshotMeta): void {
    this.#applied = applied;
  }

  /** Applies `entries` and answers who waits for them. Resolves to false if the node was closed first. Never rejects. */
  apply(entries: readonly Entry[], waiting: ReadonlyMap<LogIndex, RequestId>): Promise<boolean> {
    return this.#inTurn(async () => {
      let isFirst = true;
      for (const slice of slicesOf(entries)) {
        if (!isFirst) await nextTurn(this.#host.clock);
        isFirst = false;
        if (this.#host.isClosed()) return false;
        await this.#applySlice(slice, waiting);
      }
      return true;
    });
  }

  /** Replaces the state by what `install` brings. Resolves to false if that failed. Never rejects. */
  restore(install: () => Promise<SnapshotMeta>): Promise<boolean> {
    return this.#inTurn(async () => {
      // A query promised for one state must not see half of another.
      await Promise.all(this.#queries);
      this.#applied = await install();
      return true;
    });
  }

  /** Fixes a view of the state that reflects `applied`. To be called between two batches. */
  view(): AsyncIterable<Uint8Array> {
    return this.#stateMachine.snapshot();
  }

  /** Answers the read `id` from the state as it is. A rejection is the caller's, not the node's. */
  query(id: RequestId, query: unknown): void {
    const running = (async () => {
      try {
        this.#requests.resolve(id, await this.#stateMachine.query(query));
      } catch (error) {
        this.#requests.reject(id, error);
      }
    })();
    this.#queries.add(running);
    void running.finally(() => this.#queries.delete(running));
  }

  /** Resolves when what is under way is done. */
  async idle(): Promise<void> {
    await this.#lane;
  }

  async #applySlice(slice: readonly Entry[], waiting: ReadonlyMap<LogIndex, RequestId>): Promise<void> {
    const commands = slice.filter((entry) => entry.command.length > 0);
    const results = commands.length === 0 ? [] : await this.#stateMachine.apply(commands);
    if (results.length !== commands.length) {
      throw new Error(`apply() gave ${results.length} results for ${commands.length} commands`);
    }
    for (const entry of slice) {
      this.#applied = { lastIncludedIndex: entry.index, lastIncludedTerm: entry.term };
    }
    for (const [position, { index }] of commands.entries()) {
      const id = waiting.get(index);
      if (id !== undefined) this.#requests.resolve(id, results[position]);
    }
  }

  #inTurn(work: () => Promise<boolean>): Promise<boolean> {
    this.#busy += 1;
    const before = this.#lane;
    const done = (async () => {
      await before;
      try {
        return await work();
      } catch (error) {
        this.#host.fail(error instanceof NodeFailedError ? error : new StateMachineFailedError(error));
        return false;
      } finally {
        this.#busy -= 1;
      }
    })();
    this.#lane = done;
    return done;
  }
}

function* slicesOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let slice: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    slice.push(entry);
    bytes += entry.command.length;
    if (slice.length < MAX_SLICE_ENTRIES && bytes < MAX_SLICE_BYTES) continue;
    yield slice;
    slice = [];
    bytes = 0;
  }
  if (slice.length > 0) yield slice;
}
