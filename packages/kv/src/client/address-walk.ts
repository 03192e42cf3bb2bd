import type { LeaderFinder } from "./leader-finder.ts";

/**
 * The way of one call through the addresses: in the order of the list, with detours to where the leader is said to be.
 *
 * A detour never follows a detour, and the list goes on after it where it was: two servers that each take the other for the leader would otherwise keep
 * the call from the third one, which is.
 */
export class AddressWalk {
  readonly #finder: LeaderFinder;
  /** Where the call is in the list. */
  #listed: string;
  #current: string;
  #isOnDetour = false;

  /** @param start the address at which it begins */
  constructor(finder: LeaderFinder, start: string) {
    this.#finder = finder;
    this.#listed = start;
    this.#current = start;
  }

  get address(): string {
    return this.#current;
  }

  /** Goes on to another address, as this one has failed. @param hint where the leader is, as the server there says */
  advance(hint: string | null): void {
    const finder = this.#finder;
    const failed = this.#current;
    finder.failed(failed);
    const detour = (hint === null ? null : finder.find(hint)) ?? finder.leader;
    if (detour !== null && detour !== failed && !this.#isOnDetour) {
      this.#isOnDetour = true;
      this.#current = detour;
      return;
    }
    this.#isOnDetour = false;
    this.#listed = finder.after(this.#listed);
    if (this.#listed === failed) this.#listed = finder.after(this.#listed);
    this.#current = this.#listed;
  }

  /** This address works. From the next failure on, a hint may be followed again, and the list goes on from here. */
  settle(): void {
    this.#isOnDetour = false;
    this.#listed = this.#current;
  }
}
