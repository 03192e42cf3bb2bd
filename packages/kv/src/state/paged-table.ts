const PAGE_SLOTS = 1024;

/** Values of consecutive slots. May be written only while `generation` is the table's own; otherwise a view may share it. */
interface Page {
  readonly generation: number;
  readonly values: string[];
  readonly sizesBytes: number[];
}

/** The contents of a {@link PagedTable} at one moment, in the order in which the keys were first set. */
export interface TableView {
  readonly size: number;
  keyAt(slot: number): string;
  valueAt(slot: number): string;
}

/**
 * A map from key to value with views that cost next to nothing: what a snapshot reads while later commands are applied.
 *
 * Keys get slots in the order of their first `set`, values live in pages of slots. `view` copies the list of pages (for a million keys,
 * a thousand pointers) and begins a new generation. The first write to a page of an older generation copies that page (2 arrays of
 * 1024 elements, some microseconds) and leaves the old one to the views. So a view never has to be told what changed, nor to be given back:
 * any number may overlap, and one that is forgotten is garbage. Compared with the alternatives: copying the map stops the server for
 * as long as the map is large, and keeping old values for each open view leaks when a view is never read to its end.
 *
 * The keys are shared without copying, because they are only ever added behind the end of every view. There is no delete; whoever adds
 * one has to give keys the pages that values have.
 */
export class PagedTable {
  readonly #slots = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #pages: Page[] = [];
  #generation = 0;

  get size(): number {
    return this.#keys.length;
  }

  has(key: string): boolean {
    return this.#slots.has(key);
  }

  get(key: string): string | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#pages[pageOf(slot)]?.values[slot % PAGE_SLOTS];
  }

  /** Bytes of UTF-8 in the value of `key`, 0 if there is none. */
  valueBytes(key: string): number {
    const slot = this.#slots.get(key);
    return slot === undefined ? 0 : (this.#pages[pageOf(slot)]?.sizesBytes[slot % PAGE_SLOTS] ?? 0);
  }

  /** Sets the value of `key`; `sizeBytes` is what the value occupies in UTF-8. */
  set(key: string, value: string, sizeBytes: number): void {
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = this.#keys.length;
      this.#slots.set(key, slot);
      this.#keys.push(key);
    }
    const page = this.#ownPage(pageOf(slot));
    page.values[slot % PAGE_SLOTS] = value;
    page.sizesBytes[slot % PAGE_SLOTS] = sizeBytes;
  }

  /** Fixes the contents as they are now. */
  view(): TableView {
    this.#generation += 1;
    const keys = this.#keys;
    const pages = this.#pages.slice();
    const size = keys.length;
    return {
      size,
      keyAt: (slot) => present(slot < size ? keys[slot] : undefined, slot),
      valueAt: (slot) =>
        present(slot < size ? pages[pageOf(slot)]?.values[slot % PAGE_SLOTS] : undefined, slot),
    };
  }

  #ownPage(number: number): Page {
    const page = this.#pages[number];
    if (page?.generation === this.#generation) return page;
    const own: Page = {
      generation: this.#generation,
      values: page?.values.slice() ?? [],
      sizesBytes: page?.sizesBytes.slice() ?? [],
    };
    this.#pages[number] = own;
    return own;
  }
}

function pageOf(slot: number): number {
  return Math.floor(slot / PAGE_SLOTS);
}

function present(text: string | undefined, slot: number): string {
  if (text === undefined) throw new RangeError(`slot ${slot} is outside the view`);
  return text;
}
