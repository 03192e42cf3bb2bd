import type { ResolvedConfig } from "./config.ts";
import { Random } from "./random.ts";

/**
 * How long a server has been waiting for a leader, and how long it is going to (dissertation, 3.4). It knows two more things about the leader's silence:
 * whether it is short enough to hold against other candidates (4.2.3), and whether it is explained by the leader's process being gone.
 */
export class ElectionTimer {
  readonly #config: ResolvedConfig;
  readonly #random: Random;
  #ticks = 0;
  #timeoutTicks = 0;
  #ticksSinceLeader: number;
  /** The ticks left in which the leader counts as gone; 0 if it does not. */
  #goneTicks = 0;

  constructor(config: ResolvedConfig) {
    this.#config = config;
    this.#random = new Random(config.seed);
    // With leases a restart must not forget a promise:
    //
    // 1. B answers leader A's heartbeat: A may serve reads for a while, since nobody can be elected meanwhile without B.
    // 2. B crashes, restarts at once, remembers no leader, and votes for C.
    // 3. C is leader and acknowledges a write. A, still within its lease, serves a read without it.
    this.#ticksSinceLeader = config.leaseDuration === null ? Number.POSITIVE_INFINITY : 0;
  }

  restart({ isAlone }: { readonly isAlone: boolean }): void {
    this.#ticks = 0;
    this.#timeoutTicks = isAlone ? 1 : this.#draw();
  }

  /** Lets a tick pass; true once the timeout has. */
  tick(): boolean {
    this.#ticks += 1;
    this.#ticksSinceLeader += 1;
    if (this.#goneTicks > 0) this.#goneTicks -= 1;
    return this.#ticks >= this.#timeoutTicks;
  }

  heardFromLeader(): void {
    this.#ticksSinceLeader = 0;
    this.#goneTicks = 0;
  }

  newTerm(): void {
    // Its leader has not been elected yet, so it is not gone. But if the last one is, whoever repeats a split vote should still be quick.
    if (this.#config.leaseDuration === null) this.#ticksSinceLeader = Number.POSITIVE_INFINITY;
  }

  /** This server led, and does not any more: it has nobody to be loyal to. */
  ledItself(): void {
    this.#ticksSinceLeader = Number.POSITIVE_INFINITY;
  }

  /** The leader has been silent for less than any server's election timeout. */
  get isLeaderRecent(): boolean {
    return this.#goneTicks === 0 && this.#ticksSinceLeader < this.#config.electionTimeoutTicksMin;
  }

  get isLeaderGone(): boolean {
    return this.#goneTicks > 0;
  }

  /**
   * The leader's process seems to be gone: there is no reason to wait, but for drawing lots with the others who have seen that. Wrong hints
   * cost a few pre-votes: those who still hear from the leader refuse.
   */
  leaderIsGone(): void {
    // A lease is a promise to wait out the timeout, however dead the leader looks: its clients may still be connected to it.
    if (this.#config.leaseDuration !== null) return;
    const { electionTimeoutTicksMin, heartbeatTicks } = this.#config;
    this.#goneTicks = electionTimeoutTicksMin;
    this.#ticks = 0;
    this.#timeoutTicks = this.#random.integer(1, 2 * heartbeatTicks + 1);
  }

  #draw(): number {
    const { electionTimeoutTicksMin: min, electionTimeoutTicksMax: max, heartbeatTicks } = this.#config;
    // Whoever has asked, or has given a vote, leaves that the time it takes: two writes to disk at least. One that is as impatient as before deposes
    // itself, and then others, from term to term.
    if (this.#goneTicks > 0) return this.#random.integer(2 * heartbeatTicks, 4 * heartbeatTicks + 1);
    return this.#random.integer(min, max);
  }
}
