import type { PeerIdentity } from "@eraft/core";
import { randomBytes } from "node:crypto";
import { WalFailedError, WalLockedError, WalOtherClusterError, WalUsageError } from "./errors.ts";
import type { WalFileSystem, WalLock } from "./file-system.ts";
import { replaceIdentity } from "./identity-file.ts";
import type { IdentityContent } from "./identity-format.ts";
import { INCARNATION_BYTES, MAX_CLUSTER_ID_BYTES } from "./identity-format.ts";

/**
 * Who a data directory is to the cluster. Its fields change when `adoptCluster` or `renew` resolves: read them when they are needed, do not copy
 * them early.
 */
export interface StoredIdentity extends PeerIdentity {
  readonly dir: string;
  /** Null until `adoptCluster`. */
  readonly clusterId: string | null;
  /** 128 random bits in 32 hexadecimal digits. The same for as long as the directory lives, unless `renew` is called. */
  readonly incarnation: string;
  /** How often `openIdentity` resolved with this incarnation, this time included. A crash may leave a number out, never give one again. */
  readonly starts: number;

  /**
   * Remembers that this directory belongs to a cluster. Resolves once that survives a crash; at once if it does already.
   *
   * @param clusterId 1 to 255 bytes in UTF-8
   * @throws WalOtherClusterError if it belongs to another one, WalUsageError, WalFailedError; then nothing has changed
   */
  adoptCluster(clusterId: string): Promise<void>;

  /**
   * Makes the directory belong to another cluster than it did: for tools that build a new cluster from the data of one that is lost. Those who knew it as
   * one of theirs will not talk to it again. The log and the incarnation stay. Resolves once that survives a crash.
   *
   * @param clusterId 1 to 255 bytes in UTF-8
   * @throws WalUsageError, WalFailedError; then nothing has changed
   */
  moveToCluster(clusterId: string): Promise<void>;

  /**
   * Gives the directory a new incarnation, whose first start this is: for a disk that was told that it is an older copy of itself. To its cluster it
   * is another disk from now on, to be admitted like one. The log and the cluster id stay. Resolves once that survives a crash.
   *
   * Connections over which the old incarnation was told have to be closed by the caller.
   *
   * @throws WalUsageError, WalFailedError
   */
  renew(): Promise<void>;

  /**
   * Lets go of the directory; needed only if no `WalStorage` is opened with this identity. While one is open, that does it in the end. Waits for what is
   * under way, and never rejects.
   */
  close(): Promise<void>;
}

/** What there is of an identity before its directory is opened for the first time. */
export function newIdentity(): IdentityContent {
  return { clusterId: null, incarnation: newIncarnation(), starts: 1, hasLog: false };
}

function newIncarnation(): string {
  return randomBytes(INCARNATION_BYTES).toString("hex");
}

/** An identity that holds the lock of its directory, and lends it to one storage. */
export class HeldIdentity implements StoredIdentity {
  readonly dir: string;
  readonly fileSystem: WalFileSystem;
  #content: IdentityContent;
  #lock: WalLock | null;
  #isClosed = false;
  #isLent = false;
  /** The first failure: what the disk holds is then known only to the next `openIdentity`. */
  #failure: { readonly cause: unknown } | null = null;
  /** Resolves, never rejects, when all changes so far are done. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(fileSystem: WalFileSystem, dir: string, lock: WalLock, content: IdentityContent) {
    this.fileSystem = fileSystem;
    this.dir = dir;
    this.#lock = lock;
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
      throw new WalOtherClusterError(this.dir, content.clusterId, clusterId);
    });
  }

  async moveToCluster(clusterId: string): Promise<void> {
    checkClusterId(clusterId);
    await this.#change((content) => ({ ...content, clusterId }));
  }

  async renew(): Promise<void> {
    await this.#change((content) => ({ ...content, incarnation: newIncarnation(), starts: 1 }));
  }

  /**
   * Lends the lock to a storage, which calls `release` when it is closed, or could not be opened. The identity ends with it: whoever opens the directory
   * the next time begins another start.
   */
  lend(): { release(): Promise<void> } {
    if (this.#isLent) throw new WalLockedError(this.dir);
    if (this.#isClosed) throw new WalUsageError("the identity has been closed, perhaps with its storage");
    this.#isLent = true;
    return {
      release: () => {
        this.#isLent = false;
        return this.close();
      },
    };
  }

  /**
   * Remembers that there is a log beside it from now on. To be called once the names of its files are durable, and before anybody is promised
   * anything that is in it.
   */
  async noteLog(): Promise<void> {
    await this.#change((content) => (content.hasLog ? content : { ...content, hasLog: true }));
  }

  async close(): Promise<void> {
    if (this.#isLent) return;
    this.#isClosed = true;
    await this.#queue;
    this.#lock?.release();
    this.#lock = null;
  }

  /** Changes follow each other, and are seen once they are durable. */
  #change(change: (content: IdentityContent) => IdentityContent): Promise<void> {
    if (this.#isClosed) throw new WalUsageError("the identity has been closed");
    const done = this.#queue.then(() => this.#replace(change));
    this.#queue = Promise.allSettled([done]);
    return done;
  }

  async #replace(change: (content: IdentityContent) => IdentityContent): Promise<void> {
    const { dir } = this;
    if (this.#failure !== null) {
      throw new WalFailedError(`an earlier change of the identity in ${dir} failed`, this.#failure.cause);
    }
    const content = change(this.#content);
    if (content === this.#content) return;
    try {
      await replaceIdentity(this.fileSystem, dir, content);
    } catch (cause) {
      this.#failure = { cause };
      throw new WalFailedError(`could not change the identity in ${dir}`, cause);
    }
    this.#content = content;
  }
}

function checkClusterId(clusterId: string): void {
  if (typeof clusterId !== "string" || !clusterId.isWellFormed()) {
    throw new WalUsageError("the cluster id is not a well-formed string");
  }
  const size = Buffer.byteLength(clusterId, "utf8");
  if (size < 1 || size > MAX_CLUSTER_ID_BYTES) {
    throw new WalUsageError(`the cluster id takes ${size} bytes, not 1 to ${MAX_CLUSTER_ID_BYTES}`);
  }
}
