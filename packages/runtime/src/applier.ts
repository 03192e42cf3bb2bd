import type { Entry, LogIndex, RequestId, SnapshotMeta, StateMachine } from "@eraft/core";
import { BusyError, NodeFailedError, StateMachineFailedError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Requests } from "./requests.ts";
import { Slices } from "./slices.ts";
import type { Waiting } from "./waiting.ts";

/** Everything that happens to the state machine, one thing after the other; only queries run beside. */
export class Applier {
  readonly #stateMachine: StateMachine;
  readonly #requests: Requests;
  readonly #host: Host;
  readonly #maxQueries: number;
  readonly #slices = new Slices();
  readonly #queries = new Set<Promise<void>>();
  #lane: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #isRestoring = false;
  /** Queries that came while the state was being replaced. */
  #postponed: { readonly id: RequestId; readonly query: unknown }[] = [];
  #applied: SnapshotMeta = { lastIncludedIndex: 0, lastIncludedTerm: 0 };

  constructor(stateMachine: StateMachine, requests: Requests, host: Host, maxQueries: number) {
    this.#maxQueries = maxQueries;
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
  apply(entries: readonly Entry[], waiting: Waiting): Promise<boolean> {
    return this.#inTurn(async () => {
      let isFirst = true;
      for (const slice of this.#slices.of(entries)) {
        if (!isFirst) await this.#host.turns.next();
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
      // Neither a query that has begun nor one that comes meanwhile may see half of the new state.
      this.#isRestoring = true;
      await Promise.all(this.#queries);
      const { lastIncludedIndex, lastIncludedTerm } = await install();
      this.#applied = { lastIncludedIndex, lastIncludedTerm };
      this.#isRestoring = false;
      for (const { id, query } of this.#postponed.splice(0)) this.query(id, query);
      return true;
    });
  }

  /** Fixes a view of the state that reflects `applied`. To be called between two batches. */
  view(): AsyncIterable<Uint8Array> {
    return this.#stateMachine.snapshot();
  }

  /** Answers the read `id` from the state as it is. A rejection is the caller's, not the node's. */
  query(id: RequestId, query: unknown): void {
    if (!this.#requests.has(id)) return;
    if (this.#isRestoring) {
      // Of the callers that have given up, there may be any number.
      if (this.#postponed.length >= this.#maxQueries) {
        this.#postponed = this.#postponed.filter((other) => this.#requests.has(other.id));
      }
      this.#postponed.push({ id, query });
      return;
    }
    // Here, too: their callers may have given up, but the state machine still works on what they asked for.
    if (this.#queries.size >= this.#maxQueries) {
      this.#requests.reject(id, new BusyError());
      return;
    }
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

  async #applySlice(slice: readonly Entry[], waiting: Waiting): Promise<void> {
    const commands = slice.filter((entry) => entry.command.length > 0);
    const { clock } = this.#host;
    const beginsMs = clock.now();
    const results = commands.length === 0 ? [] : await this.#stateMachine.apply(commands);
    this.#slices.took(clock.now() - beginsMs, slice.length);
    if (results.length !== commands.length) {
      throw new Error(`apply() gave ${results.length} results for ${commands.length} commands`);
    }
    const last = slice.at(-1);
    if (last !== undefined) this.#applied = { lastIncludedIndex: last.index, lastIncludedTerm: last.term };
    for (const [position, { index }] of commands.entries()) {
      const id = waiting.at(index);
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
