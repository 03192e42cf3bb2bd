import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import { systemClock } from "../clock.ts";
import { KvDiskError, KvInvalidArgumentError } from "../errors.ts";
import { applyCommand, keysOf, readCommand } from "../state/apply-command.ts";
import type { HistoryView } from "../state/history.ts";
import type { StateLimits } from "../state/limits.ts";
import { type KvStateMachineOptions, limitsOf, pauseOf, turnOf } from "../state/options.ts";
import {
  type KvAnswer,
  type KvItemsAnswer,
  type KvItemsQuery,
  type KvQuery,
  type KvScanAnswer,
  type KvScanQuery,
  type KvTextQuery,
  ScanPage,
  textIn,
  textKeyOf,
} from "../state/query.ts";
import { utf8Of } from "../state/byte-string.ts";
import type { KvResult } from "../state/result.ts";
import { writeSnapshot } from "../state/snapshot-writer.ts";
import type { ChangeSource } from "../state/state-machine.ts";
import { Disk } from "./disk.ts";
import { MAX_OWNER_BYTES } from "./head.ts";
import type { LevelDatabase } from "./level-database.ts";
import { LevelState } from "./level-state.ts";
import { presentChanges } from "./present-changes.ts";
import { WriteBack } from "./write-back.ts";

/** How long what was applied waits to be written, unless configured otherwise. */
export const DEFAULT_WRITE_DELAY_MS = 50;

export interface LevelKvStateMachineOptions extends KvStateMachineOptions {
  /** The database, which belongs to the state machine alone: opened by `open` and closed by `close`. */
  readonly db: LevelDatabase;
  /**
   * Whose state it is, up to 255 bytes of UTF-8: something that no other server of any cluster says, such as the incarnation of its storage's disk, which the name of
   * a cluster and the number of a node make up for. A database that was written for another owner is refused. Default: nothing, and any server is let in.
   */
  readonly owner?: string;
  /**
   * How long what was applied may wait to be written, 0 to 60,000 ms (default {@link DEFAULT_WRITE_DELAY_MS}). What waits is lost in a crash, and applied again from the
   * log. Written is what has gathered: a longer delay means fewer and larger batches.
   */
  readonly writeDelayMs?: number;
}

/**
 * The replicated key-value state on a disk of its own: of the items memory has only those that are not written yet. For more keys than fit into memory, and for a start that
 * does not read them all. Gives the same results, answers and snapshots as `KvStateMachine`, so servers of one cluster may have the one or the other.
 *
 * Items, revisions, sessions, the last changes and the index of the log are stored in one step, some time after they were applied, and all that was applied by then together. After a
 * crash the state is exactly that of the index, and the log gives what comes after it.
 *
 * Call `close` when the node has stopped. Once the database has refused something, or is found damaged, `apply` rejects with a {@link KvDiskError}, and so the node stops.
 */
export class LevelKvStateMachine implements StateMachine<KvQuery, KvResult, KvAnswer>, ChangeSource {
  readonly #db: LevelDatabase;
  readonly #owner: string;
  readonly #limits: StateLimits;
  readonly #pause: () => Promise<void>;
  readonly #turn: () => Promise<void>;
  readonly #writeBack: WriteBack;
  readonly #listeners = new Set<() => void>();
  #opening: Promise<LogIndex> | null = null;
  #closing: Promise<void> | null = null;
  #disk: Disk | null = null;
  #state: LevelState | null = null;

  /** @throws KvInvalidArgumentError. Does not touch the database. */
  constructor(options: LevelKvStateMachineOptions) {
    const { db, owner = "", writeDelayMs = DEFAULT_WRITE_DELAY_MS, clock = systemClock } = options;
    this.#limits = limitsOf(options);
    this.#pause = pauseOf(options);
    this.#turn = turnOf(options);
    this.#db = db;
    this.#owner = checkOwner(owner);
    if (!(writeDelayMs >= 0 && writeDelayMs <= 60_000)) {
      throw new KvInvalidArgumentError(`writeDelayMs is ${writeDelayMs}, not from 0 to 60,000`);
    }
    this.#writeBack = new WriteBack({ clock, delayMs: writeDelayMs, write: () => this.#opened().write() });
  }

  /** How many keys there are. */
  get keyCount(): number {
    return this.#opened().table.size;
  }

  /** How many sessions are open, and how many clients of kvraftpb remembered. */
  get sessionCount(): number {
    const { sessions, clients } = this.#opened();
    return sessions.size + clients.size;
  }

  /** How many writes have changed anything. */
  get revision(): number {
    return this.history.revision;
  }

  get history(): HistoryView {
    return this.#opened().history;
  }

  onChange(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /**
   * Opens the database, and reads all of it but the items. Resolves with the last index that the state has.
   *
   * @throws KvDiskError; then nothing has changed, and the database is closed
   */
  open(): Promise<LogIndex> {
    if (this.#opening !== null || this.#closing !== null) {
      throw new KvDiskError("usage", "a state machine is opened once");
    }
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<LogIndex> {
    const disk = await Disk.open(this.#db).catch((error: unknown) => {
      throw located(this.#db, error);
    });
    try {
      this.#state = await LevelState.open(disk, this.#owner, this.#limits);
      this.#disk = disk;
      return this.#state.index;
    } catch (error) {
      await disk.close();
      throw located(this.#db, error);
    }
  }

  /**
   * Resolves once all that was applied is durable, if the disk allows, and the database is closed. Then there are no answers any more. Never rejects: what could not be written
   * the log has.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#opening]);
    if (this.#disk === null) return;
    await Promise.allSettled([this.#writeBack.flush()]);
    this.#writeBack.fail(new KvDiskError("usage", "the state machine was closed"));
    await this.#state?.removed;
    await this.#disk.close();
  }

  async apply(commands: readonly AppliedCommand[]): Promise<readonly KvResult[]> {
    await this.#writeBack.room();
    const state = this.#opened();
    const read = commands.map(({ index, command }) => ({ index, command: readCommand(command) }));
    try {
      await state.table.fetch(read.flatMap(({ command }) => keysOf(command)));
      // From here on in one turn: what is written at any time is a state between two batches.
      this.#writeBack.check();
      const before = state.history.revision;
      const results = read.map(({ index, command }) => {
        state.advance(index);
        return applyCommand(state, this.#limits, index, command);
      });
      this.#writeBack.note(state.takeWrittenBytes());
      if (state.history.revision > before) this.#tellListeners();
      return results;
    } catch (error) {
      // What is half done must not be written.
      this.#writeBack.fail(error);
      throw error;
    }
  }

  /** Answers from the state as of the last applied command. */
  query(query: KvTextQuery): Promise<string | undefined>;
  query(query: KvItemsQuery): Promise<KvItemsAnswer>;
  query(query: KvScanQuery): Promise<KvScanAnswer>;
  query(query: KvQuery): Promise<KvAnswer>;
  async query(query: KvQuery): Promise<KvAnswer> {
    const state = this.#opened();
    const { revision } = state.history;
    if (query?.type === "revision") return { revision };
    const key = query?.type === undefined ? textKeyOf(query) : "";
    const at = state.at();
    try {
      switch (query.type) {
        case undefined: {
          const [item] = await at.items([utf8Of(key)]);
          return textIn(key, () => item ?? undefined);
        }
        case "items":
          return { revision, items: await at.items(query.keys) };
        case "scan": {
          const page = new ScanPage(query);
          for await (const entries of at.pages(query, query.maxItems + 1)) {
            if (!entries.every((entry) => page.add(entry))) break;
          }
          return { revision, entries: page.entries, hasMore: page.hasMore };
        }
      }
    } catch (error) {
      // Who asks is told; and a node with a damaged state is to stop with its next command.
      if (error instanceof KvDiskError) this.#writeBack.fail(error);
      throw error;
    } finally {
      await at.close();
    }
  }

  /**
   * The state as it is when this is called, see snapshot-format.ts. The first chunk comes when all of that is durable here: whoever has the snapshot may shorten the log, and a
   * crash must not find a state that needs what is gone. Holds a view of the database open until it has been read to its end, or `return` was called.
   */
  snapshot(): AsyncIterable<Uint8Array> {
    const state = this.#opened();
    const at = state.at();
    const history = state.history.view();
    const view = {
      keyCount: at.keyCount,
      items: at.pages({ start: "", end: null, isDescending: false }),
      areAsTheyAre: () => presentChanges(history, this.#pause),
      history,
      sessions: state.sessions.view(),
      clients: state.clients.view(),
    };
    const written = writeSnapshot(view, this.#limits, this.#pause);
    return closing(written, { begin: () => this.#writeBack.flush(), end: () => at.close() });
  }

  /**
   * Replaces the whole state, after the last byte was checked. The new one is written beside the old one, and counts from one step of the disk to the next.
   *
   * @throws {KvSnapshotError} and keeps the old state when the snapshot is not complete and sound; KvDiskError
   */
  async restore(chunks: AsyncIterable<Uint8Array>, lastIncludedIndex: LogIndex): Promise<void> {
    await this.#writeBack.flush();
    try {
      this.#state = await this.#opened().replace(chunks, lastIncludedIndex, this.#turn);
    } catch (error) {
      if (error instanceof KvDiskError) this.#writeBack.fail(error);
      throw error;
    }
    this.#tellListeners();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }

  #opened(): LevelState {
    if (this.#state === null) throw new KvDiskError("usage", "the state machine is not open");
    return this.#state;
  }
}

/** Says which database it is, if that has a place. */
function located(db: LevelDatabase, error: unknown): unknown {
  if (!(error instanceof KvDiskError && "location" in db && typeof db.location === "string")) return error;
  return new KvDiskError(error.code, `${db.location}: ${error.message}`, { cause: error.cause ?? error });
}

/** `chunks`, with something before the first one, and something at the end, even if none was ever asked for. */
function closing(
  chunks: AsyncGenerator<Uint8Array, void>,
  { begin, end }: { readonly begin: () => Promise<void>; readonly end: () => Promise<void> },
): AsyncIterable<Uint8Array> {
  let beginning: Promise<void> | null = null;
  const next = async (): Promise<IteratorResult<Uint8Array, void>> => {
    try {
      await (beginning ??= begin());
      const result = await chunks.next();
      if (result.done === true) await end();
      return result;
    } catch (error) {
      await end();
      throw error;
    }
  };
  const finish = async (): Promise<IteratorResult<Uint8Array, void>> => {
    await chunks.return();
    await end();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: finish }) };
}

function checkOwner(owner: string): string {
  const bytes =
    typeof owner === "string" && owner.isWellFormed() ? new TextEncoder().encode(owner).length : -1;
  if (bytes >= 0 && bytes <= MAX_OWNER_BYTES) return owner;
  throw new KvInvalidArgumentError(`owner is not a string of up to ${MAX_OWNER_BYTES} bytes in UTF-8`);
}
