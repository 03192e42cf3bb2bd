import type { NodeId } from "@eraft/core";

/** Nodes that are elsewhere than the log says; until it says something else of them, which is newer. */
export class Redirections {
  readonly #actual: ReadonlyMap<NodeId, string>;
  #outdated: Map<NodeId, string> | null = null;

  /** `actual`: where nodes are, by their ids. */
  constructor(actual: ReadonlyMap<NodeId, string>) {
    this.#actual = actual;
  }

  /** What the log says now. What it says at the first time counts as outdated where it differs. */
  follow(addresses: Iterable<readonly [NodeId, string]>): void {
    const now = new Map(addresses);
    this.#outdated ??= new Map(now);
    for (const [id, address] of this.#outdated) if (now.get(id) !== address) this.#outdated.delete(id);
  }

  /** Where node `id` is, of which the log says that it is at `address`. */
  where(id: NodeId, address: string): string {
    return address === this.#outdated?.get(id) ? (this.#actual.get(id) ?? address) : address;
  }
}
