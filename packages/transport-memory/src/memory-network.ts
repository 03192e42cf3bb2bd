import type { NodeId, PeerIdentity, Transport } from "@eraft/core";
import { MemoryTransport } from "./memory-transport.ts";

/** Connects the servers of one process. Links between them can be cut, to see what the cluster makes of it. */
export class MemoryNetwork {
  readonly #listening = new Map<NodeId, MemoryTransport>();
  readonly #cuts = new Set<string>();

  /**
   * A new transport for server `id`. A server that restarts takes another one, after the old one has stopped. `identity` is what it says of itself,
   * for `Receiver.identify` of its peers.
   */
  transport(id: NodeId, identity: () => PeerIdentity | null = () => null): Transport {
    return new MemoryTransport(id, identity, {
      find: (peer) => this.#listening.get(peer),
      isCut: (peer) => this.#cuts.has(linkBetween(id, peer)),
      join: (transport) => {
        if (this.#listening.has(id))
          throw new Error(`Server ${id} is already on this network: stop it first.`);
        this.#listening.set(id, transport);
      },
      leave: (transport) => {
        if (this.#listening.get(id) !== transport) return;
        this.#listening.delete(id);
        for (const other of this.#listening.values()) other.peerLeft(id);
      },
    });
  }

  /** From now on nothing passes between `a` and `b`, in either direction, not even what is on its way. */
  cut(a: NodeId, b: NodeId): void {
    this.#cuts.add(linkBetween(a, b));
  }

  /** Undoes every {@link MemoryNetwork.cut}. */
  heal(): void {
    this.#cuts.clear();
  }
}

function linkBetween(a: NodeId, b: NodeId): string {
  return `${Math.min(a, b)}-${Math.max(a, b)}`;
}
