/**
 * What a `LevelKvStateMachine` needs of a database: that of `abstract-level` 3, with explicit snapshots, as `classic-level` has them, and `memory-level` for tests. A batch
 * with the option `sync: true` must be durable when it resolves, and every batch atomic. The encodings it was made with do not matter.
 *
 * Said here in our own words and not by the types of `abstract-level`: a client in a browser installs this package, too, and has no use for a database.
 */
export interface LevelDatabase {
  /** What it can do, as all of them say. */
  readonly supports: { readonly explicitSnapshots?: boolean | undefined };
  open(): Promise<void>;
  close(): Promise<void>;
  get(key: Uint8Array, options: LevelReadOptions): Promise<Uint8Array | undefined>;
  getMany(keys: Uint8Array[], options: LevelReadOptions): Promise<(Uint8Array | undefined)[]>;
  batch(operations: LevelOperation[], options: LevelBatchOptions): Promise<void>;
  clear(options: LevelRange & { readonly keyEncoding: "view" }): Promise<void>;
  iterator(options: LevelReadOptions & LevelRange & { readonly reverse?: boolean }): LevelIterator;
  snapshot(): LevelSnapshot;
}

export interface LevelReadOptions {
  readonly keyEncoding: "view";
  readonly valueEncoding: "view";
  // oxlint-disable-next-line typescript/no-explicit-any -- each kind of database takes only snapshots of its own
  readonly snapshot?: any;
}

export interface LevelBatchOptions {
  readonly keyEncoding: "view";
  readonly valueEncoding: "view";
  readonly sync: true;
}

export type LevelOperation =
  | { type: "put"; key: Uint8Array; value: Uint8Array }
  | { type: "del"; key: Uint8Array };

/** From one key up to, but without, another. */
export interface LevelRange {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
}

export interface LevelIterator {
  nextv(size: number): Promise<[Uint8Array, Uint8Array][]>;
  close(): Promise<void>;
}

/** A version of a database, until it is closed. */
export interface LevelSnapshot {
  close(): Promise<void>;
}
