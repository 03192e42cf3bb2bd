import type { Clock, NodeId } from "@eraft/core";

interface Contact {
  readonly address: string;
  lastContactMs: number | null;
  lastError: Error | null;
}

/** Where the other servers are and when each was last heard. */
export class Peers {
  readonly #clock: Clock;
  readonly #addresses: ReadonlyMap<NodeId, string>;
  readonly #contacts = new Map<NodeId, Contact>();

  constructor(self: NodeId, addresses: ReadonlyMap<NodeId, string>, clock: Clock) {
    this.#clock = clock;
    this.#addresses = addresses;
    for (const [id, address] of addresses) {
      if (id !== self) this.#contacts.set(id, { address, lastContactMs: null, lastError: null });
    }
  }

  /** Everybody but this server. */
  get others(): ReadonlyMap<NodeId, string> {
    return new Map([...this.#contacts].map(([id, { address }]) => [id, address]));
  }

  addressOf(id: NodeId | null): string | null {
    return id === null ? null : (this.#addresses.get(id) ?? null);
  }

  heard(id: NodeId): void {
    const contact = this.#contacts.get(id);
    if (!contact) return;
    contact.lastContactMs = this.#clock.now();
    contact.lastError = null;
  }

  failed(id: NodeId, error: Error): void {
    const contact = this.#contacts.get(id);
    if (contact) contact.lastError = error;
  }

  /** `lastContactMs` counts from the last message of that server until now. */
  list(): { id: NodeId; address: string; lastContactMs: number | null; lastError: Error | null }[] {
    const now = this.#clock.now();
    return [...this.#contacts].map(([id, { address, lastContactMs, lastError }]) => ({
      id,
      address,
      lastContactMs: lastContactMs === null ? null : now - lastContactMs,
      lastError,
    }));
  }
}
