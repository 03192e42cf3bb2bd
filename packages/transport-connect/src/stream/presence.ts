import type { NodeId } from "@eraft/core";
import type { Acquaintance } from "./handshake.ts";

/** A stream over which a peer has introduced itself, in either direction. */
export interface Way {
  /** It is over. `isOurs`: this side has ended it. */
  leave(isOurs: boolean): void;
}

interface Visit {
  readonly run: bigint;
  readonly ways: Map<Way, () => void>;
}

/**
 * Who is there. A process that ends takes all its connections with it, within a millisecond or so: the last one that breaks tells that it is
 * gone, where a single one may have been closed by anything on the way.
 */
export class Presence {
  readonly #disconnected: (peer: NodeId) => void;
  readonly #visits = new Map<NodeId, Visit>();

  constructor(disconnected: (peer: NodeId) => void) {
    this.#disconnected = disconnected;
  }

  /**
   * A peer has introduced itself. If it is another run than the one we knew, that one is gone, even if its streams do not know it yet, as after
   * a power loss: `superseded` of each is called, which is to end it.
   */
  enter({ peer, run }: Acquaintance, superseded: () => void): Way {
    const known = this.#visits.get(peer);
    if (known !== undefined && known.run !== run) this.#supersede(peer, known);
    const visit = this.#visits.get(peer) ?? { run, ways: new Map() };
    this.#visits.set(peer, visit);
    const way: Way = { leave: (isOurs) => this.#leave(peer, visit, way, isOurs) };
    visit.ways.set(way, superseded);
    return way;
  }

  /** Forgets everybody, without a word. */
  clear(): void {
    this.#visits.clear();
  }

  #supersede(peer: NodeId, visit: Visit): void {
    this.#visits.delete(peer);
    const superseded = [...visit.ways.values()];
    visit.ways.clear();
    for (const end of superseded) end();
    this.#disconnected(peer);
  }

  #leave(peer: NodeId, visit: Visit, way: Way, isOurs: boolean): void {
    if (!visit.ways.delete(way) || visit.ways.size > 0 || this.#visits.get(peer) !== visit) return;
    this.#visits.delete(peer);
    if (!isOurs) this.#disconnected(peer);
  }
}
