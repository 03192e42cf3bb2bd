import type { Restored, SnapshotMeta, SnapshotSink, Storage, StoredSnapshot, WriteBatch } from "@eraft/core";
import { join, resolve } from "node:path";
import { encodeBatch, packBatch } from "./batch-record.ts";
import { configurationProblem } from "./configuration.ts";
import {
  WalError,
  WalFailedError,
  WalLockedError,
  WalSnapshotError,
  WalStaleSnapshotError,
  WalUsageError,
} from "./errors.ts";
import type { WalFileSystem } from "./file-system.ts";
import type { LogOutline } from "./log-outline.ts";
import { LOCK_NAME, snapshotName } from "./names.ts";
import { nodeFileSystem } from "./node-file-system.ts";
import type { DirectoryState } from "./read-directory.ts";
import { readDirectory } from "./read-directory.ts";
import { encodeSnapshotRecord } from "./records.ts";
import { repair } from "./repair.ts";
import { MAX_PAYLOAD_BYTES, RecordType } from "./segment-format.ts";
import type { SegmentLog, SegmentPlace } from "./segment-log.ts";
import type { VerifiedSnapshot } from "./snapshot-reader.ts";
import { WalSnapshotSink } from "./snapshot-sink.ts";
import { SnapshotWriter } from "./snapshot-writer.ts";
import type { StoredIdentity } from "./stored-identity.ts";
import { HeldIdentity } from "./stored-identity.ts";
import { OpenSnapshot } from "./stored-snapshot.ts";

export interface WalStorageOptions {
  /** The directory, on a local file system. Created if it is missing. It belongs to the storage alone. */
  readonly dir: string;
  /**
   * Size of a segment file in bytes: a multiple of 8 from 512 to 1 GiB, 8 MiB if not given. The file is sparse: what is not used
   * takes no space. May differ from one open to the next.
   */
  readonly segmentBytes?: number;
  /**
   * What `openIdentity` gave for this directory, which it has taken already: `open` goes under its lock. It ends with the storage, when that is closed, or
   * cannot be opened. Without it the storage takes the directory itself.
   */
  readonly identity?: StoredIdentity;
  /** The disk; given by tests and tools that record operations or let them fail. That of `identity`, if there is one. */
  readonly fileSystem?: WalFileSystem;
}

const DEFAULT_SEGMENT_BYTES = 8 * 1024 * 1024;

/** What there is between a successful `open` and `close`. */
interface OpenParts {
  readonly log: SegmentLog;
  readonly outline: LogOutline;
}

/**
 * A `Storage` in files: a segmented, checksummed write-ahead log, and snapshots that appear atomically. FORMAT.md draws every byte
 * and argues every crash.
 *
 * Errors, all with a stable `code`: `open` rejects with `WalLockedError`, `WalDamageError`, `WalFormatError`, or `WalFailedError` when the
 * system refused something. `write` and `commit` reject with `WalUsageError` when the caller broke the contract, and nothing has
 * changed; with `WalFailedError` when the system refused something, and then so does every later one.
 */
export class WalStorage implements Storage {
  readonly #place: SegmentPlace;
  readonly #identity: HeldIdentity | null;
  readonly #readers = new Set<OpenSnapshot>();
  #opening: Promise<Restored> | null = null;
  #closing: Promise<void> | null = null;
  #lock: { release(): void | Promise<void> } | null = null;
  #parts: OpenParts | null = null;
  #snapshot: VerifiedSnapshot | null = null;
  #sink: WalSnapshotSink | null = null;
  /** The first failure; nothing is written after it. */
  #failure: { readonly cause: unknown } | null = null;
  /** Resolves, never rejects, when all operations so far are done. */
  #queue: Promise<unknown> = Promise.resolve();

  /** Throws `WalUsageError` if an option is out of range. Touches no file. */
  constructor(options: WalStorageOptions) {
    const { dir, segmentBytes = DEFAULT_SEGMENT_BYTES, identity } = options;
    if (dir === "") throw new WalUsageError("dir is empty");
    this.#identity = identity === undefined ? null : heldIdentity(identity, dir);
    const fileSystem = options.fileSystem ?? this.#identity?.fileSystem ?? nodeFileSystem;
    if (!Number.isSafeInteger(segmentBytes / 8) || segmentBytes < 512 || segmentBytes > 2 ** 30) {
      throw new WalUsageError(`segmentBytes is ${segmentBytes}, not a multiple of 8 from 512 to 1 GiB`);
    }
    this.#place = { fs: fileSystem, dir, pathOf: (name) => join(dir, name), segmentBytes };
  }

  async open(): Promise<Restored> {
    if (this.#opening !== null) throw new WalUsageError("open has been called before");
    if (this.#closing !== null) throw new WalUsageError("the storage has been closed");
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<Restored> {
    const { fs, dir, pathOf } = this.#place;
    let log: SegmentLog | null = null;
    try {
      await fs.makeDirectory(dir);
      this.#lock = this.#identity === null ? fs.lock(pathOf(LOCK_NAME)) : this.#identity.lend();
      if (this.#lock === null) throw new WalLockedError(dir);
      const state = await readDirectory(fs, dir, pathOf);
      log = await repair(this.#place, state);
      await this.#settle(log, state);
      await this.#identity?.noteLog();
      const { outline } = state.replayed;
      this.#parts = { log, outline };
      // Of the snapshot the log knows only which one it is; its configuration stands in its own file.
      const snapshot = this.#snapshot?.meta ?? null;
      return { hardState: outline.hardState, snapshot, entries: state.entries };
    } catch (error) {
      log?.close();
      await this.#releaseLock();
      if (error instanceof WalError) throw error;
      throw new WalFailedError(`could not open ${dir}`, error);
    }
  }

  /** Completes a commit that a crash interrupted, and deletes what a crash kept from being deleted. */
  async #settle(log: SegmentLog, state: DirectoryState): Promise<void> {
    const { outline } = state.replayed;
    if (state.unrecorded !== null) await recordSnapshot(log, outline, state.unrecorded.meta);
    await log.prune();
    this.#snapshot = state.snapshot;
    for (const old of state.listing.snapshots.slice(0, -1)) {
      this.#place.fs.remove(this.#place.pathOf(old.name));
    }
  }

  write(batch: WriteBatch): Promise<void> {
    return this.#inOrder((parts) => this.#append(parts, batch));
  }

  async #append({ log, outline }: OpenParts, batch: WriteBatch): Promise<void> {
    const problem = outline.problemOf(batch);
    if (problem !== null) throw new WalUsageError(`cannot write: ${problem}`);
    const packed = packBatch(batch);
    if (packed.payloadBytes > MAX_PAYLOAD_BYTES)
      throw new WalUsageError(`cannot write: the batch takes ${packed.payloadBytes} bytes, over 1 GiB`);
    if (batch.hardState === null && batch.truncateFrom === null && batch.entries.length === 0) return;
    await log.append(packed.type, encodeBatch(packed, log.allocate));
    outline.apply(batch, log.currentSegment);
  }

  async createSnapshot(meta: SnapshotMeta): Promise<SnapshotSink> {
    const { outline } = this.#requireOpen();
    this.#requireHealthy();
    if (this.#sink !== null) throw new WalUsageError("another snapshot is being written");
    checkSnapshotMeta(meta, outline);
    const { fs, pathOf } = this.#place;
    let writer: SnapshotWriter;
    try {
      writer = new SnapshotWriter(fs, pathOf, meta);
    } catch (cause) {
      throw new WalSnapshotError(`could not begin ${pathOf(snapshotName(meta))}`, cause);
    }
    this.#sink = new WalSnapshotSink(writer, {
      commit: (writer) => this.#commit(writer),
      release: () => {
        this.#sink = null;
      },
    });
    return this.#sink;
  }

  /**
   * Begins at once, beside the writes that were called before, and takes effect when these are done. Writes that are called from now on wait: were
   * the commit to queue only when the file is durable, an entry after a snapshot that replaces the log would come before it.
   */
  #commit(writer: SnapshotWriter): Promise<void> {
    const finished = this.#guard(() => writer.finish());
    // Nobody listens until its turn has come, and then whoever called `commit` hears of it.
    void Promise.allSettled([finished]);
    return this.#enqueue(async () => {
      const snapshot = await finished;
      await this.#guard(() => this.#install(this.#requireParts(), writer, snapshot));
    });
  }

  /** The order matters at each step; FORMAT.md tells the story of a crash between any two. */
  async #install(
    { log, outline }: OpenParts,
    writer: SnapshotWriter,
    snapshot: VerifiedSnapshot,
  ): Promise<void> {
    const { fs, dir, pathOf } = this.#place;
    const old = this.#snapshot;
    fs.rename(writer.temporaryPath, writer.finalPath);
    await fs.syncDirectory(dir);
    await recordSnapshot(log, outline, snapshot.meta);
    this.#snapshot = snapshot;
    await log.prune();
    if (old !== null) fs.remove(pathOf(snapshotName(old.meta)));
  }

  async readSnapshot(): Promise<StoredSnapshot | null> {
    this.#requireOpen();
    if (this.#snapshot === null) return null;
    const { meta, dataBytes } = this.#snapshot;
    const { fs, pathOf } = this.#place;
    const reader = new OpenSnapshot(fs, pathOf(snapshotName(meta)), meta, dataBytes, (closed) => {
      this.#readers.delete(closed);
    });
    this.#readers.add(reader);
    return reader;
  }

  /** Bytes in use by the log and the stored snapshot; 0 when it is not open. */
  size(): number {
    return (this.#parts?.log.usedBytes ?? 0) + (this.#snapshot?.fileBytes ?? 0);
  }

  /** Never rejects: whatever was promised is durable already. A snapshot being written is given up. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled([this.#opening]);
    await this.#sink?.finish();
    await this.#queue;
    for (const reader of this.#readers) reader.close();
    const log = this.#parts?.log;
    this.#parts = null;
    this.#snapshot = null;
    if (log !== undefined) {
      // The witness is all that is not durable yet, and nobody was promised that.
      if (this.#failure === null) await Promise.allSettled([log.sync()]);
      log.close();
    }
    await this.#releaseLock();
    // One that was never opened has not borrowed it.
    await this.#identity?.close();
  }

  async #releaseLock(): Promise<void> {
    const lock = this.#lock;
    this.#lock = null;
    await lock?.release();
  }

  /** Runs `work` after everything that came before, unless the storage is not open or has failed. */
  async #inOrder(work: (parts: OpenParts) => Promise<void>): Promise<void> {
    const parts = this.#requireOpen();
    return this.#enqueue(() => this.#guard(() => work(parts)));
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(work);
    this.#queue = Promise.allSettled([done]);
    return done;
  }

  /** Lets nothing through after the first failure of the system. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    this.#requireHealthy();
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof WalUsageError) throw cause;
      this.#failure ??= { cause };
      throw new WalFailedError(`could not write to ${this.#place.dir}`, cause);
    }
  }

  #requireHealthy(): void {
    if (this.#failure !== null) {
      throw new WalFailedError(`an earlier write to ${this.#place.dir} failed`, this.#failure.cause);
    }
  }

  #requireOpen(): OpenParts {
    if (this.#closing !== null) throw new WalUsageError("the storage has been closed");
    return this.#requireParts();
  }

  #requireParts(): OpenParts {
    if (this.#parts === null) throw new WalUsageError("the storage is not open");
    return this.#parts;
  }
}

/**
 * Writes into the log that `meta` was committed at this point, and what becomes of the log. It goes into a segment of its own, so that
 * as many as possible of the older ones can be deleted.
 */
async function recordSnapshot(log: SegmentLog, outline: LogOutline, meta: SnapshotMeta): Promise<void> {
  const kept = outline.keepsSuffixAfter(meta) === true;
  const record = encodeSnapshotRecord({ meta, kept }, log.allocate);
  await log.roll(record.bytes.length);
  await log.append(RecordType.snapshot, record);
  outline.applySnapshot(meta, kept);
}

function heldIdentity(identity: StoredIdentity, dir: string): HeldIdentity {
  if (!(identity instanceof HeldIdentity)) throw new WalUsageError("identity is not what openIdentity gives");
  if (resolve(identity.dir) !== resolve(dir)) {
    throw new WalUsageError(`the identity is that of ${identity.dir}, not of ${dir}`);
  }
  return identity;
}

function checkSnapshotMeta(meta: SnapshotMeta, outline: LogOutline): void {
  const { lastIncludedIndex, lastIncludedTerm, configuration } = meta;
  if (
    !Number.isSafeInteger(lastIncludedIndex) ||
    !Number.isSafeInteger(lastIncludedTerm) ||
    lastIncludedTerm < 0
  ) {
    throw new WalUsageError(
      `a snapshot at index ${lastIncludedIndex} of term ${lastIncludedTerm} is not valid`,
    );
  }
  if (lastIncludedIndex <= outline.snapshotIndex) {
    throw new WalStaleSnapshotError(lastIncludedIndex, outline.snapshotIndex);
  }
  const storedTerm = outline.snapshot?.lastIncludedTerm ?? 0;
  if (lastIncludedTerm < storedTerm) {
    throw new WalUsageError(`a snapshot of term ${lastIncludedTerm} cannot follow one of term ${storedTerm}`);
  }
  const problem = configuration === undefined ? null : configurationProblem(configuration);
  if (problem !== null) throw new WalUsageError(`a snapshot at index ${lastIncludedIndex}: ${problem}`);
}
