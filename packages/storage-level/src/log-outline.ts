import type { Entry, LogIndex, SnapshotMeta, Term, WriteBatch } from "@eraft/core";
import { isUint53 } from "./bytes.ts";
import { configurationProblem } from "./configuration.ts";

/** Where a log begins, or what an entry leaves to the next one. */
export interface LogPosition {
  readonly index: LogIndex;
  readonly term: Term;
  /** The crc of everything up to there. */
  readonly chain: number;
}

/** What the log consists of, without the commands: what may be written next, and what the next checksum continues. */
export class LogOutline {
  #base: LogPosition;
  /** Of the entries after `#base`, in their order. */
  readonly #terms: Term[] = [];
  readonly #chains: number[] = [];
  readonly #sizes: number[] = [];
  #bytes = 0;

  constructor(base: LogPosition) {
    this.#base = base;
  }

  /** What the snapshot stands for; index 0 if there is none. */
  get base(): LogPosition {
    return this.#base;
  }

  get lastIndex(): LogIndex {
    return this.#base.index + this.#terms.length;
  }

  get last(): LogPosition {
    return this.at(this.lastIndex) ?? this.#base;
  }

  /** Bytes that its records take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined before the base and beyond the end. */
  at(index: LogIndex): LogPosition | undefined {
    if (index === this.#base.index) return this.#base;
    const at = index - this.#base.index - 1;
    const term = this.#terms[at];
    const chain = this.#chains[at];
    return term === undefined || chain === undefined ? undefined : { index, term, chain };
  }

  /** What an entry that is written after a truncation from `truncateFrom` follows. */
  endBefore(truncateFrom: LogIndex | null): LogPosition {
    if (truncateFrom === null || truncateFrom > this.lastIndex) return this.last;
    return this.at(truncateFrom - 1) ?? this.#base;
  }

  /** Why `batch` cannot follow; null if it can. */
  problemOf({ hardState, truncateFrom, entries }: WriteBatch): string | null {
    if (hardState !== null && !isUint53(hardState.term)) return `the term ${hardState.term} is not valid`;
    if (hardState !== null && hardState.votedFor !== null && !isUint53(hardState.votedFor)) {
      return `the vote ${hardState.votedFor} is not valid`;
    }
    if (truncateFrom !== null && (!isUint53(truncateFrom) || truncateFrom <= this.#base.index)) {
      return `truncating from ${truncateFrom} is not possible: the log starts after ${this.#base.index}`;
    }
    let { index, term } = this.endBefore(truncateFrom);
    for (const entry of entries) {
      index++;
      if (entry.index !== index) return `entry ${entry.index} comes where ${index} was due`;
      const problem = contentProblem(entry);
      if (problem !== null) return problem;
      if (entry.term < term) return `entry ${index} has term ${entry.term}, lower than ${term} before it`;
      term = entry.term;
    }
    return null;
  }

  /** Appends the next entry. */
  push(term: Term, chain: number, bytes: number): void {
    this.#terms.push(term);
    this.#chains.push(chain);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** Drops every entry with this index or a higher one. */
  truncate(from: LogIndex): void {
    const kept = Math.max(0, from - this.#base.index - 1);
    if (kept >= this.#terms.length) return;
    this.#bytes -= sum(this.#sizes.slice(kept));
    for (const list of [this.#terms, this.#chains, this.#sizes]) list.length = kept;
  }

  /** Whether the entries after `meta` stay when it is committed (dissertation, 5.1, InstallSnapshot rules 6 and 7). */
  keepsSuffixAfter({ lastIncludedIndex, lastIncludedTerm }: SnapshotMeta): boolean {
    return this.at(lastIncludedIndex)?.term === lastIncludedTerm;
  }

  /** Begins after `base` from now on, and keeps what follows it. */
  beginAfter(base: LogPosition): void {
    const dropped = Math.min(base.index - this.#base.index, this.#terms.length);
    this.#bytes -= sum(this.#sizes.slice(0, dropped));
    for (const list of [this.#terms, this.#chains, this.#sizes]) list.splice(0, dropped);
    this.#base = base;
  }
}

/** Why `entry` cannot be stored, whatever comes before it; null if it can. */
function contentProblem({ index, term, command, configuration }: Entry): string | null {
  if (!isUint53(term)) return `the term ${term} of entry ${index} is not valid`;
  if (!(command instanceof Uint8Array)) return `the command of entry ${index} is not bytes`;
  if (configuration === undefined) return null;
  if (command.length > 0) return `entry ${index} has a command beside its configuration`;
  const problem = configurationProblem(configuration);
  return problem === null ? null : `entry ${index}: ${problem}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
