import type {
  InstallSnapshot,
  NodeId,
  SnapshotRequest,
  Storage,
  StoredSnapshot,
  Transport,
} from "@eraft/core";
import { StoppedError, StorageFailedError, toError } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Peers } from "../peers.ts";

/** Sends the stored snapshot to followers that need entries which the log no longer has (dissertation, 5.1). */
export class OutgoingSnapshots {
  readonly #id: NodeId;
  readonly #storage: Storage;
  readonly #transport: Transport;
  readonly #peers: Peers;
  readonly #host: Host;

  constructor(id: NodeId, storage: Storage, transport: Transport, peers: Peers, host: Host) {
    this.#id = id;
    this.#storage = storage;
    this.#transport = transport;
    this.#peers = peers;
    this.#host = host;
  }

  send(request: SnapshotRequest): void {
    void this.#send(request);
  }

  async #send(request: SnapshotRequest): Promise<void> {
    const stored = await this.#orFail(() => this.#storage.readSnapshot());
    if (this.#host.isClosed()) return;
    // Reading takes a while. Suppose this server led term 2, is asked to send, and the disk is slow; meanwhile the leader of term 3 replaces its snapshot. What is
    // read now is newer than the term it would be sent in: no leader has such a snapshot, and a follower would take the message for malformed.
    const isOwn = stored !== null && stored.meta.lastIncludedTerm <= request.term;
    const snapshot = isOwn && (await this.#transfer(request, stored)) ? stored.meta : null;
    this.#host.push({ type: "snapshotSent", to: request.to, snapshot });
  }

  async #transfer({ to, term, sequence }: SnapshotRequest, stored: StoredSnapshot): Promise<boolean> {
    const header: InstallSnapshot = {
      type: "installSnapshot",
      from: this.#id,
      to,
      term,
      sequence,
      ...stored.meta,
    };
    try {
      await this.#transport.sendSnapshot(header, { size: stored.size, chunks: this.#checked(stored.chunks) });
      return true;
    } catch (error) {
      this.#peers.failed(to, toError(error));
      this.#host.push({ type: "unreachable", peer: to });
      return false;
    }
  }

  /** Damage on our own disk must not pass for a peer that cannot be reached: nobody would ever look at the disk. */
  async *#checked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const iterator = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        if (this.#host.isClosed()) throw new StoppedError();
        const next = await this.#orFail(() => iterator.next());
        if (next === null) throw new Error("The stored snapshot could not be read.");
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  /** What the storage says, null if it failed and the node with it. */
  async #orFail<T>(read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      this.#host.fail(new StorageFailedError(error));
      return null;
    }
  }
}
