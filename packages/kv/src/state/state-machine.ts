import type { AppliedCommand, Clock, LogIndex, StateMachine } from "@eraft/core";
import { Op } from "@eraft/proto/kvraftpb";
import { systemClock } from "../clock.ts";
import { type KvCommand, MAX_VALUE_BYTES, commandFault, decodeCommand } from "./command.ts";
import { KvInvalidArgumentError } from "../errors.ts";
import { PagedTable } from "./paged-table.ts";
import { type KvResult, NO_KEY, WRITTEN, refused } from "./result.ts";
import { SessionTable } from "./sessions.ts";
import type { StateLimits } from "./snapshot-format.ts";
import { type KvState, readSnapshot } from "./snapshot-reader.ts";
import { writeSnapshot } from "./snapshot-writer.ts";
import { utf8Length } from "../utf8.ts";

/** Clients whose last write is remembered, unless configured otherwise. About 10 MB when full. */
export const DEFAULT_MAX_SESSIONS: number = 65_536;

/** Keys a store holds, unless configured otherwise. A JavaScript Map holds 16.7 million and throws at the next one. */
export const DEFAULT_MAX_KEYS: number = 10_000_000;

export interface KvStateMachineOptions {
  /**
   * Sessions that are kept, 1 to 2^24 (default {@link DEFAULT_MAX_SESSIONS}). **The same on all servers of a cluster, for ever**: it decides
   * which retries are recognised. A snapshot made with another value is refused.
   */
  readonly maxSessions?: number;
  /** Keys that fit, 1 to 2^24 (default {@link DEFAULT_MAX_KEYS}). The same on all servers, like `maxSessions`. */
  readonly maxKeys?: number;
  /**
   * Where snapshots wait: after every 128 KiB that is written or read, one turn of the event loop. The default is the platform's; a simulation
   * passes its own.
   */
  readonly clock?: Clock;
}

/** A linearizable read, for `RaftNode.read`. */
export interface KvQuery {
  readonly key: string;
}

/**
 * The replicated key-value state: keys with values, and the clients' sessions, all in memory. The log and its snapshots make it durable.
 *
 * Commands are `kvraftpb.CommandRequest` bytes (see {@link encodeCommand}). Deterministic, and never rejects for what a command contains.
 */
export class KvStateMachine implements StateMachine<KvQuery, KvResult | string | undefined> {
  readonly #limits: StateLimits;
  readonly #pause: () => Promise<void>;
  #state: KvState;
  #lastApplied: LogIndex = 0;

  constructor(options: KvStateMachineOptions = {}) {
    this.#limits = {
      maxSessions: checkCount("maxSessions", options.maxSessions ?? DEFAULT_MAX_SESSIONS),
      maxKeys: checkCount("maxKeys", options.maxKeys ?? DEFAULT_MAX_KEYS),
    };
    const clock = options.clock ?? systemClock;
    this.#pause = () => new Promise((resolve) => void clock.after(0, resolve));
    this.#state = { table: new PagedTable(), sessions: new SessionTable(this.#limits.maxSessions) };
  }

  /** Keys in the store. */
  get keyCount(): number {
    return this.#state.table.size;
  }

  /** Clients whose last write is remembered. */
  get sessionCount(): number {
    return this.#state.sessions.size;
  }

  /** Always 0: the state is in memory, and comes back from the snapshot and the log. */
  open(): Promise<LogIndex> {
    return Promise.resolve(0);
  }

  async apply(commands: readonly AppliedCommand[]): Promise<readonly KvResult[]> {
    return commands.map(({ index, command }) => {
      if (index <= this.#lastApplied) {
        throw new Error(`entry ${index} applied after entry ${this.#lastApplied}`);
      }
      this.#lastApplied = index;
      return this.#apply(command);
    });
  }

  /** The value of `key` as of the last applied command, undefined if there is none. */
  async query(query: KvQuery): Promise<string | undefined> {
    if (typeof query?.key !== "string") throw new KvInvalidArgumentError("a query is an object with a key");
    return this.#state.table.get(query.key);
  }

  /** The state as it is when this is called, see snapshot-format.ts. Costs little until it is read, and nothing if it never is. */
  snapshot(): AsyncIterable<Uint8Array> {
    const view = { pairs: this.#state.table.view(), sessions: this.#state.sessions.view() };
    return writeSnapshot(view, this.#limits, this.#pause);
  }

  /**
   * Replaces keys, values and sessions at once, after the last byte was checked.
   *
   * @throws {KvSnapshotError} and keeps the old state when the snapshot is not complete and sound
   */
  async restore(chunks: AsyncIterable<Uint8Array>, lastIncludedIndex: LogIndex): Promise<void> {
    this.#state = await readSnapshot(chunks, this.#limits, this.#pause);
    this.#lastApplied = lastIncludedIndex;
  }

  #apply(bytes: Uint8Array): KvResult {
    const command = decodeCommand(bytes);
    if (command === null) return refused("malformed");
    switch (command.op) {
      case Op.GET:
        return this.#get(command);
      case Op.PUT:
      case Op.APPEND:
        return this.#writeOnce(command);
      default:
        return refused("unknownOp");
    }
  }

  /** Reads are never answered from a session: a retried read may as well see what was written since. */
  #get(command: KvCommand): KvResult {
    const fault = commandFault(command);
    if (fault !== null) return refused(fault);
    const value = this.#state.table.get(command.key);
    return value === undefined ? NO_KEY : { status: "ok", value };
  }

  /**
   * Dissertation, 6.3. A refusal is remembered like a success. Otherwise: an APPEND is refused as too large, the answer is lost, somebody
   * makes the value shorter, and the retry of a command that has been answered takes effect.
   */
  #writeOnce(command: KvCommand): KvResult {
    const { sessions } = this.#state;
    const { clientId, commandId } = command;
    const earlier = sessions.answerTo(clientId, commandId);
    if (earlier !== undefined) return earlier;
    const result = this.#write(command);
    sessions.record({ clientId, commandId, result });
    return result;
  }

  #write(command: KvCommand): KvResult {
    const { table } = this.#state;
    const { key, value } = command;
    const fault = commandFault(command);
    if (fault !== null) return refused(fault);
    const old = command.op === Op.APPEND ? (table.get(key) ?? "") : "";
    const sizeBytes = utf8Length(value) + (command.op === Op.APPEND ? table.valueBytes(key) : 0);
    // Without this bound a value grows until the runtime cannot make the string, which throws, on every server at the same entry.
    if (sizeBytes > MAX_VALUE_BYTES) return refused("valueTooLarge");
    if (table.size >= this.#limits.maxKeys && !table.has(key)) return refused("storeFull");
    table.set(key, old + value, sizeBytes);
    return WRITTEN;
  }
}

function checkCount(name: string, count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > 2 ** 24) {
    throw new KvInvalidArgumentError(`${name} is ${count}, not a whole number from 1 to 2^24`);
  }
  return count;
}
