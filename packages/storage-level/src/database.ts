import type { AbstractLevel } from "abstract-level";
import { LevelDamageError, LevelError, LevelFailedError, LevelLockedError } from "./errors.ts";
import type { KeyRange } from "./keys.ts";

/**
 * A database that makes a batch with the option `sync: true` durable before the batch resolves, and a batch atomic, as `classic-level` does. It belongs
 * to the storage alone. Its own encodings do not matter.
 */
export type LevelDatabase = AbstractLevel<string | Buffer | Uint8Array>;

export type Operation =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: Uint8Array };

const BINARY = { keyEncoding: "view", valueEncoding: "view" } as const;
const DURABLE = { ...BINARY, sync: true } as const;

/** Bytes that an iterator of `classic-level` fetches at once. Others do not look at it. */
const FETCH = { ...BINARY, highWaterMarkBytes: 1024 * 1024 } as const;

/** `open` of an open database resolves, so the database itself does not tell a second storage on the same object. */
const taken = new WeakSet<LevelDatabase>();

/** An open database that nobody else uses. */
export class Database {
  /** What errors call it. */
  readonly location: string;
  readonly #db: LevelDatabase;

  private constructor(db: LevelDatabase) {
    this.#db = db;
    this.location = locationOf(db);
  }

  /** @throws LevelLockedError; LevelDamageError if the database finds itself damaged; LevelFailedError */
  static async take(db: LevelDatabase): Promise<Database> {
    if (taken.has(db)) throw new LevelLockedError(locationOf(db));
    taken.add(db);
    try {
      await db.open();
      return new Database(db);
    } catch (error) {
      taken.delete(db);
      throw openingError(locationOf(db), error);
    }
  }

  /** Whether `db` is the one below. */
  is(db: LevelDatabase): boolean {
    return this.#db === db;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#db.get<Uint8Array, Uint8Array>(key, BINARY);
  }

  /** Whether there is any key in `range`. */
  async hasAny({ gte, lt }: KeyRange): Promise<boolean> {
    const keys = await this.#db.keys<Uint8Array>({ keyEncoding: "view", gte, lt, limit: 1 }).all();
    return keys.length > 0;
  }

  /** The last key in `range`, null if there is none. */
  async lastKey({ gte, lt }: KeyRange): Promise<Uint8Array | null> {
    const options = { keyEncoding: "view", gte, lt, limit: 1, reverse: true };
    const keys = await this.#db.keys<Uint8Array>(options).all();
    return keys[0] ?? null;
  }

  /** The values in `range`, in the order of their keys, up to `count` at a time. The next ones are fetched while these are looked at. */
  async *values({ gte, lt }: KeyRange, count: number): AsyncGenerator<readonly Uint8Array[]> {
    const iterator = this.#db.values<Uint8Array, Uint8Array>({ ...FETCH, gte, lt });
    const fetched = (): Promise<readonly Uint8Array[]> => {
      const next = iterator.nextv(count);
      // Nobody waits for it yet; whoever asks for the next ones hears of a failure.
      void Promise.allSettled([next]);
      return next;
    };
    let next = fetched();
    try {
      for (;;) {
        const values = await next;
        if (values.length === 0) return;
        next = fetched();
        yield values;
      }
    } finally {
      await Promise.allSettled([next]);
      await iterator.close();
    }
  }

  /** All of it is there, or nothing. Resolves once it is durable. */
  async write(operations: readonly Operation[]): Promise<void> {
    await this.#db.batch<Uint8Array, Uint8Array>([...operations], DURABLE);
  }

  /** For what nobody needs any more. Neither atomic nor durable: after a crash any part of it may be there. */
  async discard({ gte, lt }: KeyRange): Promise<void> {
    await this.#db.clear<Uint8Array>({ keyEncoding: "view", gte, lt });
  }

  /** Never rejects: what is durable is so already. */
  async release(): Promise<void> {
    await Promise.allSettled([this.#db.close()]);
    taken.delete(this.#db);
  }
}

/** Databases on a disk say where they are. */
function locationOf(db: LevelDatabase): string {
  return "location" in db && typeof db.location === "string" ? db.location : "the database";
}

function openingError(location: string, error: unknown): LevelError {
  switch (codeOf(error)) {
    case "LEVEL_LOCKED":
      return new LevelLockedError(location, error);
    case "LEVEL_CORRUPTION":
      return new LevelDamageError(location, messageOf(error), error);
    default:
      return new LevelFailedError(`could not open ${location}`, deepest(error));
  }
}

/** What reading threw. */
export function readingError(location: string, error: unknown): LevelError {
  if (error instanceof LevelError) return error;
  if (codeOf(error) === "LEVEL_CORRUPTION") return new LevelDamageError(location, messageOf(error), error);
  return new LevelFailedError(`could not read ${location}`, error);
}

/** The database's reason; `open` wraps it into one that says "not open". */
function deepest(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

function codeOf(error: unknown): unknown {
  const reason = deepest(error);
  return reason instanceof Error && "code" in reason ? reason.code : null;
}

function messageOf(error: unknown): string {
  const reason = deepest(error);
  return reason instanceof Error ? reason.message : String(reason);
}
