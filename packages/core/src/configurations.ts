import type { Configuration, Entry, LogIndex } from "./types.ts";

/** A configuration, and the index of the entry that says so; 0 for the one that the cluster began with. */
export interface ConfigurationAt {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/**
 * The configurations along a log. A server uses the latest one in its log, committed or not (dissertation, 4.1), and goes back to the one
 * before when that entry is truncated.
 */
export class Configurations {
  /** In order of their indexes; the first one is committed or covered by the snapshot. */
  #history: ConfigurationAt[];

  constructor(initial: ConfigurationAt) {
    this.#history = [initial];
  }

  get current(): ConfigurationAt {
    // Asked several times for each message.
    return this.#history[this.#history.length - 1] ?? this.at(Number.POSITIVE_INFINITY);
  }

  /** The one that was in force for a log that ended at `index`, which may not be below the snapshot. */
  at(index: LogIndex): ConfigurationAt {
    const found = this.#history.findLast((one) => one.index <= index) ?? this.#history[0];
    if (found === undefined) throw new Error("a log without a configuration");
    return found;
  }

  /** All that may be in force: the one that was at `index`, and those after it. */
  from(index: LogIndex): readonly ConfigurationAt[] {
    const base = this.at(index);
    return this.#history.filter((one) => one.index >= base.index);
  }

  append({ index, configuration }: Entry): void {
    if (configuration !== undefined) this.#history.push({ index, configuration });
  }

  truncate(first: LogIndex): void {
    this.#history = this.#history.filter(({ index }, at) => at === 0 || index < first);
  }

  /** Nothing before `index` will be asked for again. */
  compact(index: LogIndex): void {
    const base = this.at(index);
    this.#history = [base, ...this.#history.filter((one) => one.index > base.index)];
  }

  /** A snapshot replaces what was known up to its index; of the rest, what `keepsRest` says. */
  install(base: ConfigurationAt, snapshotIndex: LogIndex, keepsRest: boolean): void {
    this.#history = [base, ...(keepsRest ? this.#history.filter(({ index }) => index > snapshotIndex) : [])];
  }
}
