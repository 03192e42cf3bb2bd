import type { AppliedCommand, Clock, LogIndex, StateMachine } from "@eraft/core";
import { Op } from "@eraft/proto/kvraftpb";
import { DEFAULT_MAX_RESULTS, DEFAULT_MAX_SESSIONS } from "@eraft/runtime";
import { systemClock } from "../clock.ts";
import { outcomeOf } from "./apply-write.ts";
import { utf8Of } from "./byte-string.ts";
import { type KvCommand, decodeCommand } from "./command.ts";
import { KvInvalidArgumentError, KvNotTextError } from "../errors.ts";
import type { HistoryView } from "./history.ts";
import { keptResult, recalledResult } from "./kept-result.ts";
import { LEAST_MAX_RESULTS, type StateLimits, checkCount } from "./limits.ts";
import { type SerialWrite, decodeWrites, isLoggedWrites } from "./logged-writes.ts";
import {
  type KvAnswer,
  type KvItemsAnswer,
  type KvItemsQuery,
  type KvScanAnswer,
  type KvQuery,
  type KvScanQuery,
  type KvTextQuery,
  scan,
} from "./query.ts";
import { type KvResult, type KvTextResult, type WriteResult, refused } from "./result.ts";
import { readSnapshot } from "./snapshot-reader.ts";
import { writeSnapshot } from "./snapshot-writer.ts";
import { type KvState, emptyState } from "./state.ts";
import { textResultOf, textResultOfItem, writeOf } from "./text-command.ts";
import type { Write } from "./write.ts";

/** Keys a store holds, unless configured otherwise. All of them are in memory. */
export const DEFAULT_MAX_KEYS: number = 10_000_000;

/** Changes that are kept for watchers, unless configured otherwise. */
export const DEFAULT_MAX_HISTORY_CHANGES: number = 65_536;

/** Bytes in the keys and values of these, unless configured otherwise. */
export const DEFAULT_MAX_HISTORY_BYTES: number = 8 << 20;

export interface KvStateMachineOptions {
  /**
   * Sessions that are kept, 1 to 2^24 (default {@link DEFAULT_MAX_SESSIONS}); as many again of clients that write through kvraftpb. **The same on all servers of a cluster, for ever**: it decides
   * which retries are recognised. A snapshot made with another value is refused.
   */
  readonly maxSessions?: number;
  /**
   * Results that are kept for writes that may be sent again, of all sessions together, 1,025 to 2^24 (default {@link DEFAULT_MAX_RESULTS}). With more, the sessions
   * expire that were not used for longest. The same on all servers, like `maxSessions`.
   */
  readonly maxResults?: number;
  /** Keys that fit, 1 to 2^24 (default {@link DEFAULT_MAX_KEYS}). The same on all servers, like `maxSessions`. */
  readonly maxKeys?: number;
  /**
   * Changes that are kept so that a watcher which was away can go on, 1 to 2^24 (default {@link DEFAULT_MAX_HISTORY_CHANGES}). The same on all servers, like
   * `maxSessions`.
   */
  readonly maxHistoryChanges?: number;
  /** Bytes in the keys and values of these changes, 1 to 2^24 (default {@link DEFAULT_MAX_HISTORY_BYTES}). The same on all servers, like `maxSessions`. */
  readonly maxHistoryBytes?: number;
  /**
   * Where snapshots wait: after every 128 KiB that is written or read, one turn of the event loop. The default is the platform's; a simulation
   * passes its own.
   */
  readonly clock?: Clock;
}

/** Where a server's watchers learn what has changed. */
export interface ChangeSource {
  /** What is kept of the past, as of the last applied command. */
  readonly history: HistoryView;
  /** Calls `listener` when `history` has more, or is another one, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/**
 * The replicated key-value state: keys with values and revisions, the last changes, and the clients' sessions, all in memory. The log and its snapshots make it
 * durable.
 *
 * Commands are `kvraftpb.CommandRequest` bytes (see {@link encodeCommand}) or those of logged-writes.ts; both do the same thing to the same keys. Deterministic,
 * and never rejects for what a command contains.
 */
export class KvStateMachine implements StateMachine<KvQuery, KvResult, KvAnswer>, ChangeSource {
  readonly #limits: StateLimits;
  readonly #pause: () => Promise<void>;
  readonly #listeners = new Set<() => void>();
  #state: KvState;
  #lastApplied: LogIndex = 0;

  constructor(options: KvStateMachineOptions = {}) {
    const {
      maxSessions = DEFAULT_MAX_SESSIONS,
      maxResults = DEFAULT_MAX_RESULTS,
      maxKeys = DEFAULT_MAX_KEYS,
      maxHistoryChanges = DEFAULT_MAX_HISTORY_CHANGES,
      maxHistoryBytes = DEFAULT_MAX_HISTORY_BYTES,
      clock = systemClock,
    } = options;
    this.#limits = {
      maxSessions: checkCount("maxSessions", maxSessions),
      maxResults: checkCount("maxResults", maxResults, LEAST_MAX_RESULTS),
      maxKeys: checkCount("maxKeys", maxKeys),
      maxHistoryChanges: checkCount("maxHistoryChanges", maxHistoryChanges),
      maxHistoryBytes: checkCount("maxHistoryBytes", maxHistoryBytes),
    };
    this.#pause = () => new Promise((resolve) => void clock.after(0, resolve));
    this.#state = emptyState(this.#limits);
  }

  /** How many keys there are. */
  get keyCount(): number {
    return this.#state.table.size;
  }

  /** How many sessions are open, and how many clients of kvraftpb remembered. */
  get sessionCount(): number {
    return this.#state.sessions.size + this.#state.clients.size;
  }

  /** How many writes have changed anything. */
  get revision(): number {
    return this.#state.history.revision;
  }

  get history(): HistoryView {
    return this.#state.history;
  }

  onChange(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** All of its state is in memory, and comes back from the snapshot and the log. */
  open(): Promise<LogIndex> {
    return Promise.resolve(0);
  }

  async apply(commands: readonly AppliedCommand[]): Promise<readonly KvResult[]> {
    const before = this.revision;
    const results = commands.map(({ index, command }) => {
      if (index <= this.#lastApplied) {
        throw new Error(`entry ${index} applied after entry ${this.#lastApplied}`);
      }
      this.#lastApplied = index;
      return this.#apply(index, command);
    });
    if (this.revision > before) this.#tellListeners();
    return results;
  }

  /** Answers from the state as of the last applied command. */
  query(query: KvTextQuery): Promise<string | undefined>;
  query(query: KvItemsQuery): Promise<KvItemsAnswer>;
  query(query: KvScanQuery): Promise<KvScanAnswer>;
  query(query: KvQuery): Promise<KvAnswer>;
  async query(query: KvQuery): Promise<KvAnswer> {
    const { table, history } = this.#state;
    const { revision } = history;
    switch (query?.type) {
      case undefined:
        return this.#textOf(query?.key);
      case "items":
        return { revision, items: query.keys.map((key) => table.get(key) ?? null) };
      case "scan":
        return { revision, ...scan(table, query) };
      case "revision":
        return { revision };
    }
  }

  /** The state as it is when this is called, see snapshot-format.ts. Costs little until it is read, and nothing if it never is. */
  snapshot(): AsyncIterable<Uint8Array> {
    const { table, history, sessions, clients } = this.#state;
    const view = {
      items: table.view(),
      history: history.view(),
      sessions: sessions.view(),
      clients: clients.view(),
    };
    return writeSnapshot(view, this.#limits, this.#pause);
  }

  /**
   * Replaces the whole state at once, after the last byte was checked.
   *
   * @throws {KvSnapshotError} and keeps the old state when the snapshot is not complete and sound
   */
  async restore(chunks: AsyncIterable<Uint8Array>, lastIncludedIndex: LogIndex): Promise<void> {
    this.#state = await readSnapshot(chunks, this.#limits, this.#pause);
    this.#lastApplied = lastIncludedIndex;
    this.#tellListeners();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  #textOf(key: unknown): string | undefined {
    if (typeof key !== "string") throw new KvInvalidArgumentError("a query is an object with a key");
    const item = this.#state.table.get(utf8Of(key));
    if (item === undefined) return undefined;
    const result = textResultOfItem(item);
    if (result.status === "ok") return result.value;
    throw new KvNotTextError(`the value of ${JSON.stringify(key)} is not UTF-8`);
  }

  #apply(index: LogIndex, bytes: Uint8Array): KvResult {
    if (isLoggedWrites(bytes)) return this.#applyLogged(index, bytes);
    const command = decodeCommand(bytes);
    return command === null ? refused("malformed") : this.#applyText(command);
  }

  #applyLogged(index: LogIndex, bytes: Uint8Array): KvResult {
    const command = decodeWrites(bytes);
    if (command === null) return refused("malformed");
    if (command.opensSession) {
      return { status: "sessionOpened", sessionId: this.#state.sessions.open(index) };
    }
    return { status: "written", results: command.writes.map((one) => this.#applyWrite(index, one)) };
  }

  /** Dissertation, 6.3: a write that was done before is not done again, but has the answer it had. */
  #applyWrite(index: LogIndex, { write, serial }: SerialWrite): WriteResult {
    if (serial === null) return this.#write(write);
    const claim = this.#state.sessions.claim(index, serial);
    switch (claim.type) {
      case "new": {
        const result = this.#write(write);
        claim.slot.settle(keptResult(result, write, this.#state));
        return result;
      }
      case "repeated":
        return recalledResult(claim.slot.result, write, this.#state) ?? refused("sequenceOutOfWindow");
      case "expired":
        return refused("sessionExpired");
      case "outOfWindow":
        return refused("sequenceOutOfWindow");
    }
  }

  #applyText(command: KvCommand): KvTextResult {
    switch (command.op) {
      case Op.GET:
        // Reads are never answered from a session: a retried read may as well see what was written since.
        return this.#perform(command);
      case Op.PUT:
      case Op.APPEND:
        return this.#writeOnce(command);
      default:
        return refused("unknownOp");
    }
  }

  /**
   * Dissertation, 6.3. A refusal is remembered like a success. Otherwise: an APPEND is refused as too large, the answer is lost, somebody
   * makes the value shorter, and the retry of a command that has been answered takes effect.
   */
  #writeOnce(command: KvCommand): KvTextResult {
    const { clientId, commandId } = command;
    if (clientId === 0n) return this.#perform(command);
    return this.#state.clients.once(clientId, commandId, () => this.#perform(command));
  }

  #perform(command: KvCommand): KvTextResult {
    const write = writeOf(command);
    return "status" in write ? write : textResultOf(command.op, this.#write(write));
  }

  #write(write: Write): WriteResult {
    const { table, history } = this.#state;
    const outcome = outcomeOf(write, table, history.revision + 1, this.#limits);
    switch (outcome.type) {
      case "refused":
        return refused(outcome.reason);
      case "conditionFailed":
        return {
          status: "conditionFailed",
          revision: history.revision,
          condition: outcome.condition,
          item: outcome.item,
        };
      case "done":
        for (const { key, item } of outcome.changes) {
          if (item === null) table.delete(key);
          else table.set(key, item);
        }
        if (outcome.changes.length > 0) history.push(outcome.changes);
        return { status: "done", revision: history.revision, results: outcome.results };
    }
  }
}
