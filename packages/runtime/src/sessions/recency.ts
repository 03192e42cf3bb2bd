/** What has become of a {@link Recency}: the rest is as it was, and was used before all of these. */
export interface RecencyChanges<Key, Value> {
  /** Those that were used and are still there, least recently used first. */
  readonly used: readonly Value[];
  /** Keys that were there, or came and went. */
  readonly gone: readonly Key[];
}

interface Node<Key, Value> {
  readonly key: Key;
  value: Value;
  older: Node<Key, Value> | null;
  newer: Node<Key, Value> | null;
}

/**
 * A map in the order of use, the least recently used first. What counts as use is the caller's: it must be something that the log says, for then the order is
 * the same on all servers, and so is what goes when there is too much.
 *
 * The order is a list, not that of the Map: every use would delete from the Map and add to it, and to find the oldest in it one would need either a new
 * iterator each time, which first walks over all that was deleted since the Map last tidied up, or an old one, which keeps alive every table that the Map has
 * had since: a hundred bytes for each use, for ever.
 */
export class Recency<Key, Value> {
  readonly #nodes = new Map<Key, Node<Key, Value>>();
  #oldest: Node<Key, Value> | null = null;
  #newest: Node<Key, Value> | null = null;
  /** Which keys were used, in the order of their last use, and which are gone; null while nobody wants to know. */
  #noted: { readonly used: Set<Key>; readonly gone: Set<Key> } | null = null;

  get size(): number {
    return this.#nodes.size;
  }

  has(key: Key): boolean {
    return this.#nodes.has(key);
  }

  get(key: Key): Value | undefined {
    return this.#nodes.get(key)?.value;
  }

  /** Sets the value of `key`, which is now the most recently used. */
  use(key: Key, value: Value): void {
    const known = this.#nodes.get(key);
    if (known === undefined) {
      const node = { key, value, older: null, newer: null };
      this.#nodes.set(key, node);
      this.#append(node);
    } else {
      known.value = value;
      this.#unlink(known);
      this.#append(known);
    }
    if (this.#noted === null) return;
    this.#noted.used.delete(key);
    this.#noted.used.add(key);
    this.#noted.gone.delete(key);
  }

  delete(key: Key): void {
    const node = this.#nodes.get(key);
    if (node !== undefined) this.#remove(node);
  }

  /** Removes the least recently used one and returns its value. Not to be called on an empty map. */
  removeOldest(): Value {
    const oldest = this.#oldest;
    if (oldest === null) throw new Error("a map with too much in it is empty");
    this.#remove(oldest);
    return oldest.value;
  }

  /** The values, least recently used first: copies one pointer each. */
  values(): Value[] {
    const values: Value[] = [];
    for (let node = this.#oldest; node !== null; node = node.newer) values.push(node.value);
    return values;
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
    return { used: [...used].map((key) => this.get(key) as Value), gone: [...gone] };
  }

  #remove(node: Node<Key, Value>): void {
    this.#nodes.delete(node.key);
    this.#unlink(node);
    this.#noted?.used.delete(node.key);
    this.#noted?.gone.add(node.key);
  }

  #append(node: Node<Key, Value>): void {
    node.older = this.#newest;
    if (this.#newest === null) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  #unlink(node: Node<Key, Value>): void {
    const { older, newer } = node;
    // An old one that is gone would otherwise have the garbage collector take those behind it for old ones, too.
    node.older = null;
    node.newer = null;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
  }
}
