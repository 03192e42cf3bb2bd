import { History } from "../invariants/history.ts";
import { Violation } from "../violation.ts";

/**
 * Remembers the first thing that must not be. It does not throw where it is told: that is mostly deep inside a node, which would take the throw
 * for a fault of its storage or its state machine, and survive it.
 */
export class Judge {
  /** Votes, leaders and entries of the cluster as a whole. */
  readonly history: History = new History();
  #violation: Violation | null = null;

  check(holds: boolean, property: string, details: () => string): void {
    if (!holds) this.#violation ??= new Violation(property, details());
  }

  /** Runs a check that throws: a Violation, or something that stands for a violation of `property`. */
  observe(check: () => void, property = "Nothing Throws"): void {
    try {
      check();
    } catch (error) {
      this.#violation ??= error instanceof Violation ? error : new Violation(property, String(error));
    }
  }

  throwIfViolated(): void {
    if (this.#violation !== null) throw this.#violation;
  }
}
