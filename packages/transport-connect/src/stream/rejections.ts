import type { IdentityRefusal, NodeId } from "@eraft/core";

/** Who will not talk to this server. A peer repeats that every few seconds, whichever of the two calls; the receiver hears it once. */
export class Rejections {
  readonly #rejected: (peer: NodeId, refusal: IdentityRefusal) => void;
  readonly #heard = new Map<NodeId, IdentityRefusal>();

  constructor(rejected: (peer: NodeId, refusal: IdentityRefusal) => void) {
    this.#rejected = rejected;
  }

  rejected(peer: NodeId, refusal: IdentityRefusal): void {
    if (this.#heard.get(peer) === refusal) return;
    this.#heard.set(peer, refusal);
    this.#rejected(peer, refusal);
  }

  /** It talks to us after all. */
  accepted(peer: NodeId): void {
    this.#heard.delete(peer);
  }
}
