import type { Entry, LogIndex, RequestId } from "@eraft/core";

/** Who waits for the results of a batch of entries that follow one another. */
export class Waiting {
  readonly #firstIndex: LogIndex;
  readonly #ids: (RequestId | undefined)[];

  constructor(entries: readonly Entry[]) {
    this.#firstIndex = entries[0]?.index ?? 0;
    this.#ids = [];
  }

  /** `index` is that of one of the entries, and they come in order. */
  add(index: LogIndex, id: RequestId): void {
    const position = index - this.#firstIndex;
    // Entries that nobody here waits for: of an earlier leader, or nobody's at all.
    while (this.#ids.length < position) this.#ids.push(undefined);
    this.#ids.push(id);
  }

  /** Undefined if nobody waits for it here. */
  at(index: LogIndex): RequestId | undefined {
    return this.#ids[index - this.#firstIndex];
  }
}
