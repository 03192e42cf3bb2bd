/** What an entry counts beyond its name and value (RFC 7541, 4.1). */
const ENTRY_OVERHEAD_BYTES = 32;

/** The dynamic table of one direction (RFC 7541, 2.3.2). A ring: the newest entry is number 0. */
export class DynamicTable {
  #names: string[] = [];
  #values: string[] = [];
  /** Where the oldest entry is. */
  #first = 0;
  #sizeBytes = 0;
  #maxBytes: number;
  #changes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#names.length - this.#first;
  }

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Grows with each change: while it is the same, the same index means the same field. */
  get changes(): number {
    return this.#changes;
  }

  nameAt(index: number): string | undefined {
    return index < this.length ? this.#names[this.#names.length - 1 - index] : undefined;
  }

  valueAt(index: number): string | undefined {
    return index < this.length ? this.#values[this.#values.length - 1 - index] : undefined;
  }

  /** Makes room for the entry and adds it; one that is larger than the table empties it (RFC 7541, 4.4). */
  add(name: string, value: string): void {
    this.#changes += 1;
    const sizeBytes = sizeOf(name, value);
    this.#evict(this.#maxBytes - sizeBytes);
    if (sizeBytes > this.#maxBytes) return;
    this.#names.push(name);
    this.#values.push(value);
    this.#sizeBytes += sizeBytes;
  }

  resize(maxBytes: number): void {
    this.#changes += 1;
    this.#maxBytes = maxBytes;
    this.#evict(maxBytes);
  }

  /** The index of a field; -1 without one. */
  indexOf(name: string, value: string): number {
    for (let i = this.#names.length - 1; i >= this.#first; i -= 1) {
      if (this.#names[i] === name && this.#values[i] === value) return this.#names.length - 1 - i;
    }
    return -1;
  }

  #evict(toBytes: number): void {
    while (this.#sizeBytes > toBytes && this.#first < this.#names.length) {
      this.#sizeBytes -= sizeOf(this.#names[this.#first] ?? "", this.#values[this.#first] ?? "");
      this.#names[this.#first] = "";
      this.#values[this.#first] = "";
      this.#first += 1;
    }
    // Now and then, so that an entry costs the same however many there have been.
    if (this.#first <= 64 || this.#first * 2 < this.#names.length) return;
    this.#names.splice(0, this.#first);
    this.#values.splice(0, this.#first);
    this.#first = 0;
  }
}

/** What a field counts in a table, and in the size of a list of headers. */
export function sizeOf(name: string, value: string): number {
  return name.length + value.length + ENTRY_OVERHEAD_BYTES;
}
