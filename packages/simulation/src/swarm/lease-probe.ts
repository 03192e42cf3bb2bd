import type { Term } from "@eraft/core";
import type { Node } from "../cluster/node.ts";
import type { Surroundings } from "./surroundings.ts";

/** Its reads are numbered from here on: those of clients begin at 1, those of operators at 2^31. */
const FIRST_ID = 2 ** 32;

/**
 * Reads from those who have a lease at the worst moment: as soon as somebody else has been elected. Whoever still answers at once would answer with what
 * is no longer so a moment later, if only a client happened to ask.
 */
export class LeaseProbe {
  readonly #around: Surroundings;
  #ids = FIRST_ID;
  #latest: Term = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** `node` has taken a step. */
  acted(node: Node): void {
    if (!node.isUp) return;
    const { id, state } = node;
    if (state.role !== "leader" || state.term <= this.#latest) return;
    this.#latest = state.term;
    for (const other of this.#around.fleet.up) {
      if (other.id !== id && other.state.role === "leader") this.#read(other);
    }
  }

  #read({ id: node }: Node): void {
    this.#ids += 1;
    const action = { type: "read", node, id: this.#ids, consistency: "lease" } as const;
    const { stalls } = this.#around;
    if (!stalls.postpones(node, () => this.#around.perform(action))) this.#around.perform(action);
  }
}
