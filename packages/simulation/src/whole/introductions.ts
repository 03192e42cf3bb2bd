import type { IdentityRefusal } from "@eraft/core";
import type { SimulatedTransport } from "./transport.ts";
import type { World } from "./world.ts";

/** After this long, whoever was refused introduces himself again. */
const RETRY_MS = 150;

/**
 * The handshake of every connection: before anything else that one process says to another is delivered, each of the two hears who the other one is, and
 * may refuse to talk.
 */
export class Introductions {
  readonly #world: World;
  /** By process, whom it has been introduced to. */
  readonly #made = new WeakMap<SimulatedTransport, WeakSet<SimulatedTransport>>();
  readonly #retryAt = new WeakMap<SimulatedTransport, WeakMap<SimulatedTransport, number>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether what `caller` says is delivered to `called`, which is running right now. */
  areMade(caller: SimulatedTransport, called: SimulatedTransport): boolean {
    if (this.#made.get(caller)?.has(called) === true) return true;
    // What is left of a process that is gone introduces nobody.
    if (caller.life.isOver) return !this.#world.plan.members.identifies;
    const { now } = this.#world.timeline;
    if (now < (this.#retryAt.get(caller)?.get(called) ?? 0)) return false;
    const refused = this.#refusal(called, caller) ?? this.#refusal(caller, called);
    if (refused !== null) {
      this.#world.coverage.hit("introductionRefused");
      this.#world.timeline.note(`refused: ${refused}`, called.id, caller.id);
      const retries = this.#retryAt.get(caller) ?? new WeakMap<SimulatedTransport, number>();
      this.#retryAt.set(caller, retries.set(called, now + RETRY_MS));
      return false;
    }
    const made = this.#made.get(caller) ?? new WeakSet<SimulatedTransport>();
    this.#made.set(caller, made.add(called));
    this.#watch(caller, called);
    return true;
  }

  /** Why `judge` does not talk to `other`, who is told. */
  #refusal(judge: SimulatedTransport, other: SimulatedTransport): IdentityRefusal | null {
    const identity = other.identity();
    const { receiver } = judge;
    if (identity === null || receiver?.identify === undefined) return null;
    const refusal = receiver.identify(other.id, identity);
    if (refusal !== null) other.receiver?.rejected?.(judge.id, refusal);
    return refusal;
  }

  /** When the caller's process is gone, its connections break; the other end may notice, or not. */
  #watch(caller: SimulatedTransport, called: SimulatedTransport): void {
    const { timeline, random } = this.#world;
    caller.life.onEnd(() => {
      if (random.network.chance(0.3)) return;
      timeline.after(random.network.between(0.1, 300), "disconnected", () =>
        called.life.enter("io", () => called.receiver?.disconnected?.(caller.id)),
      );
    });
  }
}
