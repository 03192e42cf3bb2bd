import type { Change } from "./items.ts";
import type { StateLimits } from "./limits.ts";

type HistoryLimits = Pick<StateLimits, "maxHistoryChanges" | "maxHistoryBytes">;

/** Revisions in a chunk. */
const CHUNK_REVISIONS = 256;

/**
 * The changes of a revision. Nearly every one has one only, and that is kept by itself: an array that was filled by `push` takes 184 bytes for it, more than most
 * values, and garbage of that age is the most expensive one.
 */
type Kept = Change | readonly Change[];

/** Consecutive revisions. Null where they are not kept any more. Those behind the end of a view are no concern of that view. */
interface Chunk {
  readonly generation: number;
  readonly revisions: (Kept | null)[];
}

/** What has changed, revision by revision. */
export interface HistoryView {
  /** The first one that is kept; the next one there will be, if none is. */
  readonly firstRevision: number;
  /** The newest one, 0 before the first. */
  readonly revision: number;
  /** The changes of a revision, by key, each key once; undefined if they are not kept, or have not happened. */
  changesOf(revision: number): readonly Change[] | undefined;
}

/**
 * The last changes of the state, for watchers. As part of the replicated state it is bounded by what was written, not by who watches: by a number of changes, and by
 * their bytes. Only the newest revision is kept whatever its size.
 *
 * Revisions are kept in chunks of which views share all that is not written to any more, as with {@link BTree}.
 */
export class History implements HistoryView {
  readonly #limits: HistoryLimits;
  readonly #chunks: Chunk[] = [];
  /** The revision before the first one of the first chunk. */
  #base: number;
  #firstRevision: number;
  #revision: number;
  #changeCount = 0;
  #bytes = 0;
  #generation = 0;

  /** Without any changes, after `revision`. */
  constructor(limits: HistoryLimits, revision: number) {
    this.#limits = limits;
    this.#base = revision;
    this.#revision = revision;
    this.#firstRevision = revision + 1;
  }

  get firstRevision(): number {
    return this.#firstRevision;
  }

  get revision(): number {
    return this.#revision;
  }

  /** All that are kept. */
  get changeCount(): number {
    return this.#changeCount;
  }

  /** Adds the changes of the next revision. Keeps them, and not the array. */
  push(changes: readonly Change[]): void {
    const position = this.#revision - this.#base;
    if (position % CHUNK_REVISIONS === 0) this.#chunks.push({ generation: this.#generation, revisions: [] });
    this.#chunks.at(-1)!.revisions.push(changes.length === 1 ? changes[0]! : changes.slice());
    this.#revision += 1;
    this.#changeCount += changes.length;
    this.#bytes += bytesIn(changes);
    const { maxHistoryChanges, maxHistoryBytes } = this.#limits;
    while (
      this.#firstRevision < this.#revision &&
      (this.#changeCount > maxHistoryChanges || this.#bytes > maxHistoryBytes)
    ) {
      this.#dropOldest();
    }
  }

  changesOf(revision: number): readonly Change[] | undefined {
    if (!(revision >= this.#firstRevision && revision <= this.#revision)) return undefined;
    return changesAt(this.#chunks, revision - this.#base - 1);
  }

  /** Fixes the contents as they are now. */
  view(): HistoryView {
    this.#generation += 1;
    const chunks = this.#chunks.slice();
    const base = this.#base;
    const firstRevision = this.#firstRevision;
    const revision = this.#revision;
    return {
      firstRevision,
      revision,
      changesOf: (one) =>
        one >= firstRevision && one <= revision ? changesAt(chunks, one - base - 1) : undefined,
    };
  }

  #dropOldest(): void {
    const position = this.#firstRevision - this.#base - 1;
    const chunk = this.#ownFirst();
    const changes = listOf(chunk.revisions[position]!);
    // A value of a megabyte is not to wait for the rest of its chunk.
    chunk.revisions[position] = null;
    this.#changeCount -= changes.length;
    this.#bytes -= bytesIn(changes);
    this.#firstRevision += 1;
    if (position < CHUNK_REVISIONS - 1) return;
    this.#chunks.shift();
    this.#base += CHUNK_REVISIONS;
  }

  #ownFirst(): Chunk {
    const chunk = this.#chunks[0]!;
    if (chunk.generation === this.#generation) return chunk;
    const own = { generation: this.#generation, revisions: chunk.revisions.slice() };
    this.#chunks[0] = own;
    return own;
  }
}

function changesAt(chunks: readonly Chunk[], position: number): readonly Change[] | undefined {
  const kept = chunks[Math.floor(position / CHUNK_REVISIONS)]?.revisions[position % CHUNK_REVISIONS];
  return kept === undefined || kept === null ? undefined : listOf(kept);
}

function listOf(kept: Kept): readonly Change[] {
  return "key" in kept ? [kept] : kept;
}

export function bytesIn(changes: readonly Change[]): number {
  let bytes = 0;
  for (const { key, item } of changes) bytes += key.length + (item?.value.length ?? 0);
  return bytes;
}
