/** What has become of a {@link Recency}: the rest is as it was, and was used before all of these. */
export interface RecencyChanges<Key, Value> {
  /** Those that were used and are still there, least recently used first. */
  readonly used: readonly Value[];
  /** Keys that were there, or came and went. */
  readonly gone: readonly Key[];
}

/**
 * A map in the order of use, the least recently used first. What counts as use is the caller's: it must be something that the log says, for then the order is
 * the same on all servers, and so is what goes when there is too much.
 */
export class Recency<Key, Value> {
  readonly #values = new Map<Key, Value>();
  /** Which keys were used, in the order of their last use, and which are gone; null while nobody wants to know. */
  #noted: { readonly used: Set<Key>; readonly gone: Set<Key> } | null = null;
  /**
   * One iterator for the life of the map: it stands behind the last one that went, and new ones are added at the far end, so its next is the oldest. A new
   * iterator each time would first have to walk over all that was deleted since the Map last tidied up.
   */
  readonly #oldestFirst = this.#values.keys();

  get size(): number {
    return this.#values.size;
  }

  has(key: Key): boolean {
    return this.#values.has(key);
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  /** Sets the value of `key`, which is now the most recently used. */
  use(key: Key, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#noted === null) return;
    this.#noted.used.delete(key);
    this.#noted.used.add(key);
    this.#noted.gone.delete(key);
  }

  delete(key: Key): void {
    if (this.#values.delete(key)) this.#noteGone(key);
  }

  /** Removes the least recently used one and returns its value. Not to be called on an empty map: an iterator that has once ended begins no more. */
  removeOldest(): Value {
    const oldest = this.#oldestFirst.next();
    const value = oldest.done === true ? undefined : this.#values.get(oldest.value);
    if (oldest.done === true || value === undefined) throw new Error("a map with too much in it is empty");
    this.#values.delete(oldest.value);
    this.#noteGone(oldest.value);
    return value;
  }

  /** The values, least recently used first: copies one pointer each. */
  values(): Value[] {
    return [...this.#values.values()];
  }

  /** From now on it is noted what changes, for `takeChanges`. */
  trackChanges(): void {
    this.#noted ??= { used: new Set(), gone: new Set() };
  }

  /** What has changed since `trackChanges`, or the last call. A value that was used is the one that is there now. */
  takeChanges(): RecencyChanges<Key, Value> {
    if (this.#noted === null) throw new Error("nobody has asked for changes to be noted");
    const { used, gone } = this.#noted;
    this.#noted = { used: new Set(), gone: new Set() };
    return { used: [...used].map((key) => this.#values.get(key) as Value), gone: [...gone] };
  }

  #noteGone(key: Key): void {
    this.#noted?.used.delete(key);
    this.#noted?.gone.add(key);
  }
}
