import type { LogIndex } from "@eraft/core";
import type { ClientTable, SessionTable } from "@eraft/runtime";
import type { CommandState } from "../state/apply-command.ts";
import type { ByteString } from "../state/byte-string.ts";
import { History } from "../state/history.ts";
import type { Item } from "../state/items.ts";
import type { KeptResult } from "../state/kept-result.ts";
import type { StateLimits } from "../state/limits.ts";
import type { KvTextResult } from "../state/result.ts";
import { type StateBesideItems, readSnapshot } from "../state/snapshot-reader.ts";
import { emptySessions } from "../state/state.ts";
import type { Disk, HeadContent } from "./disk.ts";
import { clientKey, generationRange, itemKey, revisionKey, sessionKey } from "./keys.ts";
import { LevelTable } from "./level-table.ts";
import type { LevelOperation } from "./level-database.ts";
import { PutQueue } from "./put-queue.ts";
import { encodeChanges, encodeItem, encodeUsedClient, encodeUsedSession } from "./records.ts";
import { StateAt } from "./state-at.ts";
import { readState } from "./stored-state.ts";

/** What of the state beside the items is on the disk already. */
interface Stored {
  /** The revisions whose changes are there. */
  readonly firstRevision: number;
  readonly revision: number;
  /** Higher than that of any session or client there. */
  readonly nextUse: number;
}

interface Parts {
  readonly disk: Disk;
  readonly owner: string;
  readonly limits: StateLimits;
  readonly generation: number;
  /** Of which there has been no record. */
  readonly nextGeneration: number;
  readonly keyCount: number;
  readonly index: LogIndex;
  readonly beside: StateBesideItems;
  readonly stored: Stored;
}

/** The state of one server: what it has in memory, and the records of one generation on its disk. */
export class LevelState implements CommandState {
  readonly table: LevelTable;
  readonly history: History;
  readonly sessions: SessionTable<KeptResult>;
  readonly clients: ClientTable<KvTextResult>;
  /** Resolves, never rejects, when records that do not count are removed. */
  removed: Promise<unknown> = Promise.resolve();
  readonly #disk: Disk;
  readonly #owner: string;
  readonly #limits: StateLimits;
  #index: LogIndex;
  #stored: Stored;
  /**
   * Never one that had records before. What was removed of these may come back after a power loss, as a removal need not be durable, and would be among those of the new
   * state.
   */
  #nextGeneration: number;

  /** @throws KvDiskError */
  static async open(disk: Disk, owner: string, limits: StateLimits): Promise<LevelState> {
    const found = await readState(disk, owner, limits);
    if (found !== null) {
      const { head, nextGeneration, ...beside } = found;
      const { generation, keyCount, index, firstRevision, revision, nextUse } = head;
      const stored = { firstRevision, revision, nextUse };
      const items = { generation, nextGeneration, keyCount, index };
      return new LevelState({ disk, owner, limits, ...items, beside, stored });
    }
    const state = new LevelState({
      disk,
      owner,
      limits,
      generation: 1,
      nextGeneration: 2,
      keyCount: 0,
      index: 0,
      beside: { history: new History(limits, 0), ...emptySessions(limits) },
      stored: { firstRevision: 1, revision: 0, nextUse: 1 },
    });
    // Before anything else is there: from now on a database without a head is none of ours.
    await state.write();
    return state;
  }

  private constructor(parts: Parts) {
    const { history, sessions, clients } = parts.beside;
    this.table = new LevelTable(parts.disk, parts.generation, parts.keyCount);
    this.history = history;
    this.sessions = sessions;
    this.clients = clients;
    this.#disk = parts.disk;
    this.#owner = parts.owner;
    this.#limits = parts.limits;
    this.#index = parts.index;
    this.#stored = parts.stored;
    this.#nextGeneration = parts.nextGeneration;
    sessions.trackChanges();
    clients.trackChanges();
  }

  /** The last entry of the log that it reflects. */
  get index(): LogIndex {
    return this.#index;
  }

  advance(index: LogIndex): void {
    if (index <= this.#index) throw new Error(`entry ${index} applied after entry ${this.#index}`);
    this.#index = index;
  }

  /** Bytes that were written to the table since the last call. */
  takeWrittenBytes(): number {
    const { writtenBytes } = this.table;
    this.table.writtenBytes = 0;
    return writtenBytes;
  }

  /** The items as they are now, while the state goes on. */
  at(): StateAt {
    const { unwritten, generation, size } = this.table;
    return new StateAt({
      disk: this.#disk,
      generation,
      unwritten: unwritten.view(),
      keyCount: size,
      index: this.#index,
    });
  }

  /** Writes all that is not on the disk, as it is when this is called: in one step, with the index. Not to be called while it is under way. */
  async write(): Promise<void> {
    const { generation, unwritten } = this.table;
    const operations: LevelOperation[] = [];
    const leaving = unwritten.leave();
    for (const cursor = leaving.seek(""); cursor.value !== undefined; cursor.next()) {
      const { key, item } = cursor.value;
      const at = itemKey(generation, key);
      if (item === null) operations.push({ type: "del", key: at });
      else operations.push({ type: "put", key: at, value: encodeItem(at, item) });
    }
    const { history } = this;
    const { firstRevision, revision } = this.#stored;
    for (let old = firstRevision; old <= revision && old < history.firstRevision; old++) {
      operations.push({ type: "del", key: revisionKey(generation, old) });
    }
    for (let next = Math.max(revision + 1, history.firstRevision); next <= history.revision; next++) {
      const key = revisionKey(generation, next);
      operations.push({ type: "put", key, value: encodeChanges(key, history.changesOf(next) ?? []) });
    }
    const nextUse = this.#addSessions(operations);
    const stored = { firstRevision: history.firstRevision, revision: history.revision, nextUse };
    await this.#disk.write(operations, this.#head(nextUse));
    this.#stored = stored;
    unwritten.left();
  }

  /**
   * The state that a snapshot has, in records of another generation. The head that says that they count is written last, alone: before that this state is whole, and after it
   * the new one is, whatever happens. What does not count is removed then.
   *
   * @throws KvSnapshotError, KvDiskError; then this state still counts
   */
  async replace(
    chunks: AsyncIterable<Uint8Array>,
    index: LogIndex,
    pause: () => Promise<void>,
  ): Promise<LevelState> {
    const generation = this.#nextGeneration;
    this.#nextGeneration += 1;
    const disk = this.#disk;
    const queue = new PutQueue(disk);
    let keyCount = 0;
    const add = (key: ByteString, item: Item): void => {
      keyCount += 1;
      const at = itemKey(generation, key);
      queue.put(at, encodeItem(at, item));
    };
    try {
      const items = { add, stored: () => queue.drain() };
      const beside = await readSnapshot(chunks, this.#limits, { items, pause });
      const stored = { firstRevision: 1, revision: 0, nextUse: 1 };
      const next = new LevelState({
        disk,
        owner: this.#owner,
        limits: this.#limits,
        generation,
        nextGeneration: this.#nextGeneration,
        keyCount,
        index,
        beside,
        stored,
      });
      await next.#storeRest(queue);
      next.#remove(this.table.generation);
      return next;
    } catch (error) {
      this.#remove(generation);
      throw error;
    }
  }

  /** Writes all but the items, and then the head. */
  async #storeRest(queue: PutQueue): Promise<void> {
    const { history } = this;
    const { generation } = this.table;
    for (let { firstRevision: revision } = history; revision <= history.revision; revision++) {
      const key = revisionKey(generation, revision);
      queue.put(key, encodeChanges(key, history.changesOf(revision) ?? []));
      await queue.drain();
    }
    let nextUse = 1;
    for (const value of this.sessions.view()) {
      const key = sessionKey(generation, value.id);
      queue.put(key, encodeUsedSession(key, { use: nextUse, value }));
      nextUse += 1;
      await queue.drain();
    }
    for (const value of this.clients.view()) {
      const key = clientKey(generation, value.clientId);
      queue.put(key, encodeUsedClient(key, { use: nextUse, value }));
      nextUse += 1;
      await queue.drain();
    }
    await queue.finish();
    await this.#disk.write([], this.#head(nextUse));
    this.#stored = { firstRevision: history.firstRevision, revision: history.revision, nextUse };
  }

  /** Adds what has become of sessions and clients. Returns the next number of use. */
  #addSessions(operations: LevelOperation[]): number {
    const { generation } = this.table;
    let { nextUse } = this.#stored;
    const sessions = this.sessions.takeChanges();
    const clients = this.clients.takeChanges();
    for (const id of sessions.gone) operations.push({ type: "del", key: sessionKey(generation, id) });
    for (const id of clients.gone) operations.push({ type: "del", key: clientKey(generation, id) });
    for (const value of sessions.used) {
      const key = sessionKey(generation, value.id);
      operations.push({ type: "put", key, value: encodeUsedSession(key, { use: nextUse, value }) });
      nextUse += 1;
    }
    for (const value of clients.used) {
      const key = clientKey(generation, value.clientId);
      operations.push({ type: "put", key, value: encodeUsedClient(key, { use: nextUse, value }) });
      nextUse += 1;
    }
    return nextUse;
  }

  /** What a head says of all this as it is now. */
  #head(nextUse: number): HeadContent {
    return {
      owner: this.#owner,
      limits: this.#limits,
      generation: this.table.generation,
      index: this.#index,
      revision: this.history.revision,
      firstRevision: this.history.firstRevision,
      keyCount: this.table.size,
      sessionCount: this.sessions.size,
      clientCount: this.clients.size,
      nextUse,
    };
  }

  /** What fails to be removed now, the next `open` removes. */
  #remove(generation: number): void {
    this.removed = Promise.allSettled([this.removed, this.#disk.discard(generationRange(generation))]);
  }
}
