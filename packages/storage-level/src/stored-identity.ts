import type { PeerIdentity } from "@eraft/core";
import { randomBytes } from "node:crypto";
import { Database, type LevelDatabase, readingError } from "./database.ts";
import { LevelFailedError, LevelLockedError, LevelOtherClusterError, LevelUsageError } from "./errors.ts";
import {
  INCARNATION_BYTES,
  type IdentityContent,
  MAX_CLUSTER_ID_BYTES,
  decodeIdentity,
  encodeIdentity,
} from "./identity-record.ts";
import { IDENTITY } from "./keys.ts";

/**
 * Who a database is to the cluster. Its fields change when `adoptCluster`, `moveToCluster` or `renew` resolves: read them when they are needed, do not
 * copy them early.
 */
export interface LevelIdentity extends PeerIdentity {
  /** Null until `adoptCluster`. */
  readonly clusterId: string | null;
  /** 128 random bits in 32 hexadecimal digits. The same for as long as the database lives, unless `renew` is called. */
  readonly incarnation: string;
  /** How often `openLevelIdentity` resolved with this incarnation, this time included. A crash may leave a number out, never give one again. */
  readonly starts: number;

  /**
   * Remembers that this database belongs to a cluster. Resolves once that survives a crash; at once if it does already.
   *
   * @param clusterId 1 to 255 bytes in UTF-8
   * @throws LevelOtherClusterError if it belongs to another one, LevelUsageError, LevelFailedError; then nothing has changed
   */
  adoptCluster(clusterId: string): Promise<void>;

  /**
   * Makes the database belong to another cluster than it did: for tools that build a new cluster from the data of one that is lost. The log and the
   * incarnation stay. Resolves once that survives a crash.
   *
   * @param clusterId 1 to 255 bytes in UTF-8
   * @throws LevelUsageError, LevelFailedError; then nothing has changed
   */
  moveToCluster(clusterId: string): Promise<void>;

  /**
   * Gives the database a new incarnation, whose first start this is: for a disk that was told that it is an older copy of itself. The log and the cluster
   * id stay. Resolves once that survives a crash.
   *
   * @throws LevelUsageError, LevelFailedError
   */
  renew(): Promise<void>;

  /**
   * Closes the database; needed only if no `LevelStorage` is opened with this identity. While one is open, that does it in the end. Waits for what is
   * under way, and never rejects.
   */
  close(): Promise<void>;
}

/**
 * Opens a database, and counts this start. Resolves once the start has been counted for good, so that no two of them ever tell the same number. A
 * database that has no identity yet is given one, whether there is a log in it or not.
 *
 * The database stays taken until the `LevelStorage` that is opened with this identity is closed; see `LevelStorageOptions.identity`.
 *
 * @throws LevelLockedError if a process, this one included, has the database; LevelDamageError, LevelFormatError; LevelFailedError if the database
 *   refused something. None but a LevelFailedError has changed anything.
 */
export async function openLevelIdentity(db: LevelDatabase): Promise<LevelIdentity> {
  const database = await Database.take(db);
  const { location } = database;
  try {
    const bytes = await database.get(IDENTITY);
    const stored = bytes === undefined ? null : decodeIdentity(location, bytes);
    const content = stored === null ? newIdentity() : { ...stored, starts: stored.starts + 1 };
    await replaceIdentity(database, content);
    return new HeldIdentity(database, content);
  } catch (error) {
    await database.release();
    throw readingError(location, error);
  }
}

function newIdentity(): IdentityContent {
  return { clusterId: null, incarnation: newIncarnation(), starts: 1 };
}

function newIncarnation(): string {
  return randomBytes(INCARNATION_BYTES).toString("hex");
}

async function replaceIdentity(database: Database, content: IdentityContent): Promise<void> {
  await database.write([{ type: "put", key: IDENTITY, value: encodeIdentity(content) }]);
}

/** An identity that has a database open, and lends it to one storage. */
export class HeldIdentity implements LevelIdentity {
  readonly #database: Database;
  #content: IdentityContent;
  #closing: Promise<void> | null = null;
  #isLent = false;
  /** The first failure: what the disk holds is then known only to the next `openLevelIdentity`. */
  #failure: { readonly cause: unknown } | null = null;
  /** Resolves, never rejects, when all changes so far are done. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(database: Database, content: IdentityContent) {
    this.#database = database;
    this.#content = content;
  }

  get clusterId(): string | null {
    return this.#content.clusterId;
  }

  get incarnation(): string {
    return this.#content.incarnation;
  }

  get starts(): number {
    return this.#content.starts;
  }

  async adoptCluster(clusterId: string): Promise<void> {
    checkClusterId(clusterId);
    await this.#change((content) => {
      if (content.clusterId === clusterId) return content;
      if (content.clusterId === null) return { ...content, clusterId };
      throw new LevelOtherClusterError(this.#database.location, content.clusterId, clusterId);
    });
  }

  async moveToCluster(clusterId: string): Promise<void> {
    checkClusterId(clusterId);
    await this.#change((content) => ({ ...content, clusterId }));
  }

  async renew(): Promise<void> {
    await this.#change((content) => ({ ...content, incarnation: newIncarnation(), starts: 1 }));
  }

  /** Whether it is that of `db`. */
  isOf(db: LevelDatabase): boolean {
    return this.#database.is(db);
  }

  /**
   * Lends the database to a storage, which calls `release` when it is closed, or could not be opened. The identity ends with it: whoever opens the
   * database the next time begins another start.
   */
  lend(): { readonly database: Database; release(): Promise<void> } {
    if (this.#isLent) throw new LevelLockedError(this.#database.location);
    if (this.#closing !== null)
      throw new LevelUsageError("the identity has been closed, perhaps with its storage");
    this.#isLent = true;
    const release = (): Promise<void> => {
      this.#isLent = false;
      return this.close();
    };
    return { database: this.#database, release };
  }

  async close(): Promise<void> {
    if (this.#isLent) return;
    this.#closing ??= this.#queue.then(() => this.#database.release());
    await this.#closing;
  }

  /** Changes follow each other, and are seen once they are durable. */
  #change(change: (content: IdentityContent) => IdentityContent): Promise<void> {
    if (this.#closing !== null) throw new LevelUsageError("the identity has been closed");
    const done = this.#queue.then(() => this.#replace(change));
    this.#queue = Promise.allSettled([done]);
    return done;
  }

  async #replace(change: (content: IdentityContent) => IdentityContent): Promise<void> {
    const { location } = this.#database;
    if (this.#failure !== null) {
      throw new LevelFailedError(
        `an earlier change of the identity in ${location} failed`,
        this.#failure.cause,
      );
    }
    const content = change(this.#content);
    if (content === this.#content) return;
    try {
      await replaceIdentity(this.#database, content);
    } catch (cause) {
      this.#failure = { cause };
      throw new LevelFailedError(`could not change the identity in ${location}`, cause);
    }
    this.#content = content;
  }
}

function checkClusterId(clusterId: string): void {
  if (typeof clusterId !== "string" || !clusterId.isWellFormed()) {
    throw new LevelUsageError("the cluster id is not a well-formed string");
  }
  const size = Buffer.byteLength(clusterId, "utf8");
  if (size < 1 || size > MAX_CLUSTER_ID_BYTES) {
    throw new LevelUsageError(`the cluster id takes ${size} bytes, not 1 to ${MAX_CLUSTER_ID_BYTES}`);
  }
}
