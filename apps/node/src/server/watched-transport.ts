import type {
  Clock,
  InstallSnapshot,
  Message,
  NodeId,
  OutgoingSnapshot,
  Receiver,
  Transport,
} from "@eraft/core";
import type { Logger } from "@eraft/runtime";

/** A peer counts as unreachable after failing for this long: a lost message now and then is nothing to report. */
const UNREACHABLE_AFTER_MS = 1000;

interface Contact {
  failingSinceMs: number | null;
  isReported: boolean;
}

/** Reports once when a peer becomes unreachable and once when it is back. Passes everything on as it is. */
export class WatchedTransport implements Transport {
  readonly #inner: Transport;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #contacts = new Map<NodeId, Contact>();
  #addresses: ReadonlyMap<NodeId, string> = new Map();

  constructor(inner: Transport, clock: Clock, logger: Logger) {
    this.#inner = inner;
    this.#clock = clock;
    this.#logger = logger;
  }

  start(receiver: Receiver): Promise<void> {
    return this.#inner.start({
      receive: (message) => {
        this.#heard(message.from);
        receiver.receive(message);
      },
      receiveSnapshot: (header, chunks) => {
        this.#heard(header.from);
        return receiver.receiveSnapshot(header, chunks);
      },
      identify: (peer, identity) => receiver.identify?.(peer, identity) ?? null,
      rejected: (peer, refusal) => receiver.rejected?.(peer, refusal),
      disconnected: (peer) => receiver.disconnected?.(peer),
      unreachable: (peer, error) => {
        this.#failed(peer, error);
        receiver.unreachable(peer, error);
      },
    });
  }

  setPeers(peers: ReadonlyMap<NodeId, string>): void {
    this.#addresses = peers;
    for (const peer of this.#contacts.keys()) if (!peers.has(peer)) this.#contacts.delete(peer);
    this.#inner.setPeers(peers);
  }

  send(message: Message): void {
    this.#inner.send(message);
  }

  sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    return this.#inner.sendSnapshot(header, snapshot);
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }

  #failed(peer: NodeId, error: Error): void {
    // A call to a node that was removed may end after that.
    if (!this.#addresses.has(peer)) return;
    const contact = this.#contactOf(peer);
    const now = this.#clock.now();
    contact.failingSinceMs ??= now;
    if (contact.isReported || now - contact.failingSinceMs < UNREACHABLE_AFTER_MS) return;
    contact.isReported = true;
    const address = this.#addresses.get(peer);
    this.#logger.warn(`Node ${peer} is unreachable.`, { peer, address, reason: error.message });
  }

  #heard(peer: NodeId): void {
    const contact = this.#contactOf(peer);
    contact.failingSinceMs = null;
    if (!contact.isReported) return;
    contact.isReported = false;
    this.#logger.info(`Node ${peer} is reachable again.`, { peer, address: this.#addresses.get(peer) });
  }

  #contactOf(peer: NodeId): Contact {
    let contact = this.#contacts.get(peer);
    if (contact === undefined) {
      contact = { failingSinceMs: null, isReported: false };
      this.#contacts.set(peer, contact);
    }
    return contact;
  }
}
