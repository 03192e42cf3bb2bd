import type { Restored, SnapshotMeta, SnapshotSink, Storage, StoredSnapshot, WriteBatch } from "@eraft/core";
import { type Changes, NO_HEAD, appendChanges, headOperations, snapshotChanges } from "./changes.ts";
import { configurationProblem } from "./configuration.ts";
import { Database, type LevelDatabase, readingError } from "./database.ts";
import { LevelFailedError, LevelStaleSnapshotError, LevelUsageError } from "./errors.ts";
import { HEAD_BYTES } from "./head.ts";
import { chunksOf, entriesBefore, snapshotsBut } from "./keys.ts";
import { LogOutline } from "./log-outline.ts";
import { type CommittedSnapshot, type Contents, readDatabase } from "./read-database.ts";
import { LevelSnapshotSink } from "./snapshot-sink.ts";
import { HeldIdentity, type LevelIdentity } from "./stored-identity.ts";
import { OpenSnapshot } from "./stored-snapshot.ts";

export interface LevelStorageOptions {
  /**
   * The database, which belongs to the storage alone: opened by `open` if it is not open yet, closed by `close`. A write with `sync: true` must be durable
   * when it resolves, and a batch atomic, as with `classic-level`. The encodings it was made with do not matter.
   */
  readonly db: LevelDatabase;
  /**
   * What `openLevelIdentity` gave for this database, which it has taken already. It ends with the storage, when that is closed, or cannot be opened.
   * Without it the storage takes the database itself, and leaves the identity in it alone.
   */
  readonly identity?: LevelIdentity;
}

/** What a storage has of its database while that is open. */
interface Lease {
  readonly database: Database;
  release(): Promise<void>;
}

/** Bytes of a batch; LevelDB keeps all of one in memory several times. */
const MAX_BATCH_BYTES = 2 ** 30;

/** Of the two heads, and for each chunk of a snapshot what is not the snapshot's: keys and checksums. */
const FIXED_BYTES = 2 * (1 + HEAD_BYTES);
const CHUNK_RECORD_BYTES = 13 + 4;

/**
 * A `Storage` in a database with the interface of `abstract-level`. FORMAT.md draws every record and argues every crash.
 *
 * Errors, all with a stable `code`: `open` rejects with `LevelLockedError`, `LevelDamageError`, `LevelFormatError`, or `LevelFailedError` when the
 * database refused something. `write` and `commit` reject with `LevelUsageError` when the caller broke the contract, and nothing has
 * changed; with `LevelFailedError` when the database refused something, and then so does every later one.
 */
export class LevelStorage implements Storage {
  readonly #db: LevelDatabase;
  readonly #identity: HeldIdentity | null;
  readonly #readers = new Set<OpenSnapshot>();
  #opening: Promise<Restored> | null = null;
  #closing: Promise<void> | null = null;
  #lease: Lease | null = null;
  #contents: Contents | null = null;
  #sink: LevelSnapshotSink | null = null;
  /** Higher than that of any snapshot, be it stored, filled or given up. */
  #nextGeneration = 1;
  /** The first failure; nothing is written after it. */
  #failure: { readonly cause: unknown } | null = null;
  /** Resolves, never rejects, when all operations so far are done. */
  #queue: Promise<unknown> = Promise.resolve();
  /** The same of the removals of what nobody needs any more, which nothing else waits for. */
  #removals: Promise<unknown> = Promise.resolve();

  /** Throws `LevelUsageError` if `identity` is that of another database. Does not touch the database. */
  constructor({ db, identity }: LevelStorageOptions) {
    this.#db = db;
    this.#identity = identity === undefined ? null : heldIdentity(identity, db);
  }

  async open(): Promise<Restored> {
    if (this.#opening !== null) throw new LevelUsageError("open has been called before");
    if (this.#closing !== null) throw new LevelUsageError("the storage has been closed");
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<Restored> {
    const lease = this.#identity === null ? await takeAlone(this.#db) : this.#identity.lend();
    const { database } = lease;
    try {
      const found = await readDatabase(database);
      const contents = found ?? (await begin(database));
      await removeLeftovers(database, contents);
      this.#lease = lease;
      this.#contents = contents;
      this.#nextGeneration = contents.nextGeneration;
      const { head, snapshot, entries } = contents;
      return { hardState: head.hardState, snapshot: snapshot?.descriptor.meta ?? null, entries };
    } catch (error) {
      await lease.release();
      throw readingError(database.location, error);
    }
  }

  write(batch: WriteBatch): Promise<void> {
    return this.#inOrder((contents) => this.#append(contents, batch));
  }

  async #append({ head, outline }: Contents, batch: WriteBatch): Promise<void> {
    const problem = outline.problemOf(batch);
    if (problem !== null) throw new LevelUsageError(`cannot write: ${problem}`);
    const bytes = batch.entries.reduce((sum, { command }) => sum + command.length, 0);
    if (bytes > MAX_BATCH_BYTES) {
      throw new LevelUsageError(`cannot write: the commands take ${bytes} bytes, over 1 GiB`);
    }
    if (batch.hardState === null && batch.truncateFrom === null && batch.entries.length === 0) return;
    await this.#make(appendChanges(head, outline, batch));
  }

  async createSnapshot(meta: SnapshotMeta): Promise<SnapshotSink> {
    const { outline } = this.#requireOpen();
    this.#requireHealthy();
    if (this.#sink !== null) throw new LevelUsageError("another snapshot is being written");
    checkSnapshotMeta(meta, outline);
    const generation = this.#nextGeneration;
    this.#nextGeneration += 1;
    const sink = new LevelSnapshotSink(this.#requireLease().database, generation, meta, {
      commit: (filled) => this.#commit(filled),
      release: () => {
        this.#sink = null;
      },
    });
    this.#sink = sink;
    return sink;
  }

  /**
   * Begins at once, beside the writes that were called before, and takes effect when these are done. Writes that are called from now on wait: were
   * the commit to queue only when the chunks are durable, an entry after a snapshot that replaces the log would come before it.
   */
  async #commit(sink: LevelSnapshotSink): Promise<void> {
    const finished = this.#guard(() => sink.finish());
    // Nobody listens until its turn has come, and then whoever called `commit` hears of it.
    void Promise.allSettled([finished]);
    let replaced: CommittedSnapshot | null = null;
    await this.#enqueue(async () => {
      const descriptor = await finished;
      await this.#guard(async () => {
        const { head, outline, snapshot } = this.#requireContents();
        const committed = { generation: sink.generation, descriptor };
        await this.#make(snapshotChanges(head, outline, committed));
        this.#contents = { ...this.#requireContents(), snapshot: committed };
        replaced = snapshot;
      });
    });
    // Writes that wait go on meanwhile: what is removed here is below what they touch.
    await this.#remove(entriesBefore(sink.meta.lastIncludedIndex + 1));
    await this.#removeUnread(replaced);
  }

  /** Makes `changes` durable, and then believes them. */
  async #make({ operations, head, believe }: Changes): Promise<void> {
    await this.#requireLease().database.write(operations);
    believe();
    this.#contents = { ...this.#requireContents(), head };
  }

  async readSnapshot(): Promise<StoredSnapshot | null> {
    const { snapshot } = this.#requireOpen();
    if (snapshot === null) return null;
    const reader = new OpenSnapshot(this.#requireLease().database, snapshot, (done) => {
      this.#readers.delete(done);
      if (this.#closing === null) void this.#removeUnread(snapshot);
    });
    this.#readers.add(reader);
    return reader;
  }

  /** Removes the chunks of a snapshot that has been replaced, unless somebody reads it: then that is done when the last one has finished. */
  async #removeUnread(snapshot: CommittedSnapshot | null): Promise<void> {
    if (snapshot === null || snapshot.generation === this.#contents?.snapshot?.generation) return;
    const { generation } = snapshot;
    if ([...this.#readers].some((reader) => reader.generation === generation)) return;
    await this.#remove(chunksOf(generation));
  }

  /** What fails to be removed now, the next `open` removes. */
  async #remove(range: Parameters<Database["discard"]>[0]): Promise<void> {
    const { database } = this.#requireLease();
    this.#removals = Promise.allSettled([this.#removals, database.discard(range)]);
    await this.#removals;
  }

  /** Bytes in keys and values that count, before the database compresses them; 0 when it is not open. */
  size(): number {
    if (this.#contents === null) return 0;
    const { outline, snapshot } = this.#contents;
    const chunks = snapshot?.descriptor.chunks ?? 0;
    return FIXED_BYTES + outline.bytes + (snapshot?.descriptor.dataBytes ?? 0) + chunks * CHUNK_RECORD_BYTES;
  }

  /** Never rejects: whatever was promised is durable already. A snapshot being written is given up. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#opening]);
    await this.#sink?.giveUp();
    await this.#queue;
    await this.#removals;
    for (const reader of this.#readers) reader.close();
    this.#contents = null;
    await this.#lease?.release();
    // One that was never opened has not borrowed it.
    await this.#identity?.close();
    // A database opens itself when it has been made, and would keep its lock.
    if (this.#opening === null && this.#identity === null) await (await takeAlone(this.#db)).release();
  }

  /** Runs `work` after everything that came before, unless the storage is not open or has failed. */
  async #inOrder(work: (contents: Contents) => Promise<void>): Promise<void> {
    this.#requireOpen();
    return this.#enqueue(() => this.#guard(() => work(this.#requireContents())));
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = Promise.allSettled([done]);
    return done;
  }

  /** Lets nothing through after the first failure of the database. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.#requireHealthy();
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof LevelUsageError) throw cause;
      this.#failure ??= { cause };
      throw new LevelFailedError(`could not write to ${this.#requireLease().database.location}`, cause);
    }
  }

  #requireHealthy(): void {
    if (this.#failure === null) return;
    const { location } = this.#requireLease().database;
    throw new LevelFailedError(`an earlier write to ${location} failed`, this.#failure.cause);
  }

  #requireOpen(): Contents {
    if (this.#closing !== null) throw new LevelUsageError("the storage has been closed");
    return this.#requireContents();
  }

  #requireContents(): Contents {
    if (this.#contents === null) throw new LevelUsageError("the storage is not open");
    return this.#contents;
  }

  #requireLease(): Lease {
    if (this.#lease === null) throw new LevelUsageError("the storage is not open");
    return this.#lease;
  }
}

async function takeAlone(db: LevelDatabase): Promise<Lease> {
  const database = await Database.take(db);
  return { database, release: () => database.release() };
}

/**
 * Writes the head of an empty log, before anybody is promised anything: from now on a database without one is damaged.
 */
async function begin(database: Database): Promise<Contents> {
  await database.write(headOperations(NO_HEAD));
  const outline = new LogOutline({ index: 0, term: 0, chain: NO_HEAD.baseChain });
  return { head: NO_HEAD, outline, entries: [], snapshot: null, nextGeneration: 1 };
}

/** Removes what a crash kept from being removed: entries that the snapshot covers, and chunks that no head refers to. */
async function removeLeftovers(database: Database, { head, snapshot }: Contents): Promise<void> {
  await database.discard(entriesBefore(head.lastIncludedIndex + 1));
  for (const range of snapshotsBut(head.generation, snapshot?.descriptor.chunks ?? 0)) {
    await database.discard(range);
  }
}

function heldIdentity(identity: LevelIdentity, db: LevelDatabase): HeldIdentity {
  if (!(identity instanceof HeldIdentity)) {
    throw new LevelUsageError("identity is not what openLevelIdentity gives");
  }
  if (!identity.isOf(db)) throw new LevelUsageError("the identity is that of another database");
  return identity;
}

function checkSnapshotMeta(meta: SnapshotMeta, { base }: LogOutline): void {
  const { lastIncludedIndex, lastIncludedTerm, configuration } = meta;
  if (
    !Number.isSafeInteger(lastIncludedIndex) ||
    !Number.isSafeInteger(lastIncludedTerm) ||
    lastIncludedTerm < 0
  ) {
    throw new LevelUsageError(
      `a snapshot at index ${lastIncludedIndex} of term ${lastIncludedTerm} is not valid`,
    );
  }
  if (lastIncludedIndex <= base.index) throw new LevelStaleSnapshotError(lastIncludedIndex, base.index);
  if (lastIncludedTerm < base.term) {
    throw new LevelUsageError(
      `a snapshot of term ${lastIncludedTerm} cannot follow one of term ${base.term}`,
    );
  }
  const problem = configuration === undefined ? null : configurationProblem(configuration);
  if (problem !== null) throw new LevelUsageError(`a snapshot at index ${lastIncludedIndex}: ${problem}`);
}
