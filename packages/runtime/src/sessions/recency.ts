/**
 * A map in the order of use, the least recently used first. What counts as use is the caller's: it must be something that the log says, for then the order is
 * the same on all servers, and so is what goes when there is too much.
 */
export class Recency<Key, Value> {
  readonly #values = new Map<Key, Value>();
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
  }

  delete(key: Key): void {
    this.#values.delete(key);
  }

  /** Removes the least recently used one and returns its value. Not to be called on an empty map: an iterator that has once ended begins no more. */
  removeOldest(): Value {
    const oldest = this.#oldestFirst.next();
    const value = oldest.done === true ? undefined : this.#values.get(oldest.value);
    if (oldest.done === true || value === undefined) throw new Error("a map with too much in it is empty");
    this.#values.delete(oldest.value);
    return value;
  }

  /** The values, least recently used first: copies one pointer each. */
  values(): Value[] {
    return [...this.#values.values()];
  }
}
