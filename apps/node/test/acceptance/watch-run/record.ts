/** What a change came to: the value that a key has now, null if it is gone. */
export interface RecordedChange {
  readonly key: string;
  readonly value: string | null;
}

/** What writers were told: which revision is which change. */
export class Record {
  readonly #changes = new Map<number, readonly RecordedChange[]>();
  readonly #problems: string[] = [];

  /** Revisions. */
  get size(): number {
    return this.#changes.size;
  }

  wrote(revision: number, ...write: readonly [key: string, value: string | null]): void {
    const [key, value] = write;
    this.wroteAll(revision, [{ key, value }]);
  }

  wroteAll(revision: number, changes: readonly RecordedChange[]): void {
    if (this.#changes.has(revision))
      this.#problems.push(`two writes were told that they are revision ${revision}`);
    this.#changes.set(revision, changes);
  }

  /** Every change of a key that begins with `prefix` from a revision on, as `revision key=value`, in order; those of a revision by their keys. */
  lines(prefix: string, fromRevision: number): readonly string[] {
    const lines: string[] = [];
    for (let revision = fromRevision; revision <= this.size; revision += 1) {
      const changes = (this.#changes.get(revision) ?? []).filter(({ key }) => key.startsWith(prefix));
      for (const { key, value } of changes.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
        lines.push(lineOf(revision, key, value));
      }
    }
    return lines;
  }

  problems(): readonly string[] {
    const missing: string[] = [];
    for (let revision = 1; revision <= this.size; revision += 1) {
      if (!this.#changes.has(revision))
        missing.push(`nobody was told of a write that is revision ${revision}`);
    }
    return [...this.#problems, ...missing];
  }
}

export function lineOf(revision: number, key: string, value: string | null): string {
  return `${revision} ${key}=${value === null ? "gone" : JSON.stringify(value)}`;
}
