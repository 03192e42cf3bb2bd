import type {
  Configuration,
  Entry,
  HardState,
  Restored,
  SnapshotMeta,
  SnapshotSink,
  Storage,
  StoredSnapshot,
  WriteBatch,
} from "@eraft/core";

interface CommittedSnapshot {
  readonly meta: SnapshotMeta;
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
}

/**
 * A {@link Storage} whose disk is this object. It survives the restart of a node for as long as the object is kept: `close` it,
 * then hand it to the next node. Every rejection leaves it unchanged.
 */
export class MemoryStorage implements Storage {
  #hardState: HardState = { term: 0, votedFor: null };
  #snapshot: CommittedSnapshot | null = null;
  #entries: Entry[] = [];
  #isOpen = false;
  #sink: SnapshotSink | null = null;

  async open(): Promise<Restored> {
    if (this.#isOpen) throw new Error("The storage is already open: close it before it is opened again.");
    this.#isOpen = true;
    return {
      hardState: { ...this.#hardState },
      snapshot: this.#snapshot && copyOfMeta(this.#snapshot.meta),
      entries: this.#entries.map(copyOf),
    };
  }

  async write(batch: WriteBatch): Promise<void> {
    this.#assertOpen();
    // The new log is complete before the first field changes: a batch that makes no sense leaves no trace.
    const entries = this.#entries.filter(
      (entry) => batch.truncateFrom === null || entry.index < batch.truncateFrom,
    );
    let lastIndex = entries.at(-1)?.index ?? this.#snapshot?.meta.lastIncludedIndex ?? 0;
    for (const entry of batch.entries) {
      lastIndex += 1;
      if (entry.index !== lastIndex)
        throw new Error(`Entry ${entry.index} was written where ${lastIndex} is next.`);
      entries.push(copyOf(entry));
    }
    this.#entries = entries;
    if (batch.hardState !== null) this.#hardState = { ...batch.hardState };
  }

  async createSnapshot(meta: SnapshotMeta): Promise<SnapshotSink> {
    this.#assertOpen();
    if (this.#sink !== null) throw new Error("Another snapshot is being written: commit or abort it first.");
    const stored = this.#snapshot?.meta.lastIncludedIndex ?? 0;
    if (meta.lastIncludedIndex <= stored) {
      throw new Error(
        `A snapshot of index ${meta.lastIncludedIndex} is not newer than the stored one of ${stored}.`,
      );
    }
    const chunks: Uint8Array[] = [];
    const ownMeta = copyOfMeta(meta);
    const assertCurrent = (): void => {
      if (this.#sink !== sink) throw new Error("This snapshot was committed, aborted, or cut off by close.");
    };
    const sink: SnapshotSink = {
      write: async (chunk) => {
        assertCurrent();
        chunks.push(new Uint8Array(chunk));
      },
      commit: async () => {
        assertCurrent();
        this.#sink = null;
        this.#install({ meta: ownMeta, chunks, size: sum(chunks.map((chunk) => chunk.length)) });
      },
      abort: async () => {
        if (this.#sink === sink) this.#sink = null;
      },
    };
    this.#sink = sink;
    return sink;
  }

  async readSnapshot(): Promise<StoredSnapshot | null> {
    this.#assertOpen();
    if (this.#snapshot === null) return null;
    const { meta, chunks, size } = this.#snapshot;
    return { meta: copyOfMeta(meta), size, chunks: copiesOf(chunks) };
  }

  size(): number {
    return sum(this.#entries.map((entry) => entry.command.length)) + (this.#snapshot?.size ?? 0);
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#sink = null;
  }

  #install(snapshot: CommittedSnapshot): void {
    const { lastIncludedIndex, lastIncludedTerm } = snapshot.meta;
    const covered = this.#entries.find((entry) => entry.index === lastIncludedIndex);
    // Without that entry, or with another term there, what follows belongs to a history that the snapshot contradicts
    // (dissertation, InstallSnapshot rules 6 and 7). Kept, it could be taken for committed.
    const matches = covered?.term === lastIncludedTerm;
    this.#entries = matches ? this.#entries.filter((entry) => entry.index > lastIncludedIndex) : [];
    this.#snapshot = snapshot;
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw new Error("The storage is not open.");
  }
}

/**
 * As a disk would: what goes in and what comes out never share memory with a caller. Not with `slice`, which for a Node.js `Buffer`
 * is a view of the same memory.
 */
function copyOf({ index, term, command, configuration }: Entry): Entry {
  const copy = { index, term, command: new Uint8Array(command) };
  return configuration === undefined ? copy : { ...copy, configuration: copyOfMembers(configuration) };
}

function copyOfMeta({ lastIncludedIndex, lastIncludedTerm, configuration }: SnapshotMeta): SnapshotMeta {
  const copy = { lastIncludedIndex, lastIncludedTerm };
  return configuration === undefined ? copy : { ...copy, configuration: copyOfMembers(configuration) };
}

function copyOfMembers({ members }: Configuration): Configuration {
  return { members: members.map((member) => ({ ...member })) };
}

async function* copiesOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield new Uint8Array(chunk);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
