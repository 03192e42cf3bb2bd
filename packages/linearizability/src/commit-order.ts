import { HistoryError, type Operation, validateHistory } from "./history.ts";
import type { Model } from "./model.ts";
import { findInversions } from "./real-time.ts";
import { WHOLE } from "./partition.ts";

/** Ties an operation to its entries in the log; for a client with a session, for example, `"7:42"`. */
export type OperationId = string | number;

/** An entry of the committed log. */
export interface CommittedEntry<Input> {
  readonly index: number;
  readonly id: OperationId;
  readonly input: Input;
}

/** An operation whose reply tells where in the log it took effect. */
export type LoggedOperation<Input, Output> = Operation<Input, Output> & {
  /** Unique in the history. */
  readonly id: OperationId;
  /**
   * Needed if the outcome is `ok`. For an operation that went through the log: the index of its entry (of any, if a retry put it
   * there more than once). For a read that did not: the index up to which the log had been applied when it was answered.
   */
  readonly logIndex?: number;
};

/**
 * - `wrongReply`: not what replaying the log gives.
 * - `realTime`: `other` had returned before `index` was called, but takes effect after it in the log.
 * - `notInLog`: acknowledged, but no entry of it is committed.
 * - `wrongIndex`: the log has no entry of it at the index in the reply, or a read claims an index beyond the log.
 * - `failedButCommitted`: reported as certainly not done, but in the log.
 * - `altered`: the entry asks for something else than the client did.
 * - `invented`: no client asked for this entry.
 */
export type CommitOrderProblemType =
  | "wrongReply"
  | "realTime"
  | "notInLog"
  | "wrongIndex"
  | "failedButCommitted"
  | "altered"
  | "invented";

export interface CommitOrderProblem {
  readonly type: CommitOrderProblemType;
  /** Position in the history; null for `invented`. */
  readonly index: number | null;
  /** The second operation of `realTime`, else null. */
  readonly other: number | null;
  readonly message: string;
}

export interface CommitOrderReport {
  readonly verdict: "linearizable" | "illegal";
  readonly problems: readonly CommitOrderProblem[];
  /**
   * What became of the operations whose outcome the client never learnt: the log index at which each took effect, null for
   * those that did not. By position in the history.
   */
  readonly decided: ReadonlyMap<number, number | null>;
}

/**
 * Checks a history against the committed log, which says in which order things happened: no search, so any size and any
 * concurrency. It replays the log, compares every reply, and compares the order with real time.
 *
 * Of several entries with one id only the first counts, as sessions promise (dissertation, 6.3). `linearizable` means that log
 * order is a linearization; `illegal` that what the servers said of the log is not true, even where another order would do.
 *
 * @param log all committed entries with a command, by ascending index; gaps are entries that ask for nothing
 * @throws HistoryError if the history was recorded wrongly, RangeError for a log that is not ascending
 */
export function checkCommitOrder<State, Input, Output>(
  model: Model<State, Input, Output>,
  log: readonly CommittedEntry<Input>[],
  history: readonly LoggedOperation<Input, Output>[],
): CommitOrderReport {
  validateHistory(history);
  return new Replay(model, log, history).run();
}

class Replay<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #log: readonly CommittedEntry<Input>[];
  readonly #history: readonly LoggedOperation<Input, Output>[];
  readonly #byId = new Map<OperationId, number>();
  /** Operations that claim to have read the state after this index. */
  readonly #readsAt = new Map<number, number[]>();
  readonly #states = new Map<string, State>();
  /** Where operations take effect: twice the log index of an entry, one more for a read after it, NaN for nowhere. */
  readonly #positions: Float64Array;
  readonly #problems: CommitOrderProblem[] = [];

  constructor(
    model: Model<State, Input, Output>,
    log: readonly CommittedEntry<Input>[],
    history: readonly LoggedOperation<Input, Output>[],
  ) {
    this.#model = model;
    this.#log = log;
    this.#history = history;
    this.#positions = new Float64Array(history.length).fill(Number.NaN);
  }

  run(): CommitOrderReport {
    for (const [index, { id }] of this.#history.entries()) {
      const other = this.#byId.get(id);
      if (other !== undefined) {
        throw new HistoryError("badInput", index, `operation ${other} has the same id, ${String(id)}`);
      }
      this.#byId.set(id, index);
    }
    const entriesOf = this.#indexEntries();
    this.#placeReplies(entriesOf);
    this.#replay();
    this.#compareWithRealTime();
    return {
      verdict: this.#problems.length === 0 ? "linearizable" : "illegal",
      problems: this.#problems,
      decided: this.#decided(entriesOf),
    };
  }

  /** The indexes of each operation's entries, the one that counts first. */
  #indexEntries(): Map<number, number[]> {
    const entriesOf = new Map<number, number[]>();
    let last = 0;
    for (const { index, id, input } of this.#log) {
      if (!Number.isSafeInteger(index) || index <= last) {
        throw new RangeError(`log index ${index} follows ${last}: the log must be ascending, from 1`);
      }
      last = index;
      const operation = this.#byId.get(id);
      if (operation === undefined) {
        this.#report("invented", null, null, `entry ${index} has id ${String(id)}, which no client used`);
        continue;
      }
      const entries = entriesOf.get(operation);
      if (entries === undefined) entriesOf.set(operation, [index]);
      else entries.push(index);
      const asked = this.#model.describeInput(this.#history[operation]!.input);
      const logged = this.#model.describeInput(input);
      if (asked !== logged)
        this.#report("altered", operation, null, `asked for ${asked}, entry ${index} says ${logged}`);
    }
    return entriesOf;
  }

  #placeReplies(entriesOf: ReadonlyMap<number, readonly number[]>): void {
    const lastLogIndex = this.#log.at(-1)?.index ?? 0;
    for (const [operation, { outcome, logIndex, input }] of this.#history.entries()) {
      const entries = entriesOf.get(operation);
      if (entries !== undefined) this.#positions[operation] = 2 * entries[0]!;
      if (outcome === "failed" && entries !== undefined) {
        this.#report(
          "failedButCommitted",
          operation,
          null,
          `reported as not done, but is entry ${entries[0]}`,
        );
      }
      if (outcome !== "ok") continue;
      if (logIndex === undefined || !Number.isSafeInteger(logIndex) || logIndex < 0) {
        throw new HistoryError(
          "badInput",
          operation,
          `an acknowledged operation needs its log index, not ${logIndex}`,
        );
      }
      if (entries !== undefined) {
        if (!entries.includes(logIndex)) {
          this.#report(
            "wrongIndex",
            operation,
            null,
            `says index ${logIndex}, but is entry ${entries.join(", ")}`,
          );
        } else if (this.#model.isRead(input)) {
          // Sessions need not keep the answers of reads: a repeated read may well be answered from its later entry.
          this.#positions[operation] = 2 * logIndex;
        }
      } else if (!this.#model.isRead(input)) {
        this.#report("notInLog", operation, null, `acknowledged at index ${logIndex}, but not in the log`);
      } else if (logIndex > lastLogIndex) {
        this.#report(
          "wrongIndex",
          operation,
          null,
          `read at index ${logIndex}, the log ends at ${lastLogIndex}`,
        );
      } else {
        this.#positions[operation] = 2 * logIndex + 1;
        const reads = this.#readsAt.get(logIndex);
        if (reads === undefined) this.#readsAt.set(logIndex, [operation]);
        else reads.push(operation);
      }
    }
  }

  #replay(): void {
    const readIndexes = Float64Array.from(this.#readsAt.keys()).toSorted();
    let nextRead = 0;
    const readBelow = (index: number): void => {
      for (; nextRead < readIndexes.length && readIndexes[nextRead]! < index; nextRead += 1) {
        for (const operation of this.#readsAt.get(readIndexes[nextRead]!)!) this.#apply(operation);
      }
    };
    for (const { index, id } of this.#log) {
      readBelow(index);
      const operation = this.#byId.get(id);
      if (operation !== undefined && this.#positions[operation] === 2 * index) this.#apply(operation);
    }
    readBelow(Infinity);
  }

  #apply(index: number): void {
    const operation = this.#history[index]!;
    const model = this.#model;
    const key = model.partition?.(operation.input) ?? WHOLE;
    const { state, output } = model.step(this.#states.get(key) ?? model.init(), operation.input);
    this.#states.set(key, state);
    if (operation.outcome !== "ok" || model.matches(output, operation.output)) return;
    const [said, expected] = [operation.output, output].map((o) => model.describeOutput(operation.input, o));
    const message = `${model.describeInput(operation.input)} was answered ${said}; at its place in the log that is ${expected}`;
    this.#report("wrongReply", index, null, message);
  }

  #compareWithRealTime(): void {
    const placed = [...this.#history.keys()].filter((index) => !Number.isNaN(this.#positions[index]!));
    const pick = (value: (index: number) => number): Float64Array => Float64Array.from(placed, value);
    const returnOf = (index: number): number => {
      const operation = this.#history[index]!;
      return operation.outcome === "ok" ? operation.return : Infinity;
    };
    const calls = pick((index) => this.#history[index]!.call);
    for (const inversion of findInversions(
      calls,
      pick(returnOf),
      pick((index) => this.#positions[index]!),
    )) {
      const [first, second] = [placed[inversion.first]!, placed[inversion.second]!];
      const [later, earlier] = [first, second].map((index) => this.#place(index));
      const message = `takes effect ${earlier}, although operation ${first}, ${later}, had returned before its call`;
      this.#report("realTime", second, first, message);
    }
  }

  #place(index: number): string {
    const position = this.#positions[index]!;
    return position % 2 === 0 ? `at entry ${position / 2}` : `after entry ${(position - 1) / 2}`;
  }

  #decided(entriesOf: ReadonlyMap<number, readonly number[]>): Map<number, number | null> {
    const decided = new Map<number, number | null>();
    for (const [index, { outcome }] of this.#history.entries()) {
      if (outcome === "unknown") decided.set(index, entriesOf.get(index)?.[0] ?? null);
    }
    return decided;
  }

  #report(type: CommitOrderProblemType, index: number | null, other: number | null, message: string): void {
    const where = index === null ? "" : `operation ${index}: `;
    this.#problems.push({ type, index, other, message: where + message });
  }
}
