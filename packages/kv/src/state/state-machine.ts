import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import { applyCommand, readCommand } from "./apply-command.ts";
import { BTree, type TreeView } from "./b-tree.ts";
import type { ByteString } from "./byte-string.ts";
import type { HistoryView } from "./history.ts";
import type { Change, Item } from "./items.ts";
import type { StateLimits } from "./limits.ts";
import { type KvStateMachineOptions, limitsOf, pauseOf, turnOf } from "./options.ts";
import {
  type KvAnswer,
  type KvEntry,
  type KvItemsAnswer,
  type KvItemsQuery,
  type KvScanAnswer,
  type KvQuery,
  type KvScanQuery,
  type KvTextQuery,
  scan,
  textIn,
  textKeyOf,
} from "./query.ts";
import type { KvResult } from "./result.ts";
import { readSnapshot } from "./snapshot-reader.ts";
import { writeSnapshot } from "./snapshot-writer.ts";
import { type KvState, emptyState } from "./state.ts";

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
  readonly #turn: () => Promise<void>;
  readonly #listeners = new Set<() => void>();
  #state: KvState;
  #lastApplied: LogIndex = 0;

  constructor(options: KvStateMachineOptions = {}) {
    this.#limits = limitsOf(options);
    this.#pause = pauseOf(options);
    this.#turn = turnOf(options);
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
      return applyCommand(this.#state, this.#limits, index, readCommand(command));
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
        return textIn(textKeyOf(query), (key) => table.get(key));
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
    const items = table.view();
    const view = {
      keyCount: items.size,
      items: pagesOf(items),
      // The same object: whoever writes an item makes a new one.
      areAsTheyAre: async () => (change: Change) => items.get(change.key) === change.item,
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
    const table = new BTree<Item>();
    const items = { add: (key: ByteString, item: Item) => table.set(key, item), stored: async () => {} };
    const rest = await readSnapshot(chunks, this.#limits, { items, pause: this.#turn });
    this.#state = { table, ...rest };
    this.#lastApplied = lastIncludedIndex;
    this.#tellListeners();
  }

  #tellListeners(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Entries that are looked at together. */
const PAGE_ENTRIES = 256;

function* pagesOf(items: TreeView<Item>): Generator<readonly KvEntry[], void> {
  const cursor = items.seek("");
  while (cursor.key !== undefined) {
    const page: KvEntry[] = [];
    for (; cursor.key !== undefined && page.length < PAGE_ENTRIES; cursor.next()) {
      page.push({ key: cursor.key, item: cursor.value! });
    }
    yield page;
  }
}
