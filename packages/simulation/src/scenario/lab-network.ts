import type { NodeId } from "@eraft/core";
import { Random } from "../random.ts";

/**
 * The networks of the 6.824 labs.
 *
 * - `reliable`: nothing is lost, everything takes at most 2 ms. (In the labs 0 ms: then nothing ever overtakes anything.)
 * - `unreliable`: requests take up to 26 ms; 10 % of the requests and 10 % of the answers are lost. Beyond the labs, 5 % of either arrive twice.
 * - `long-reordering`: unreliable, and two of three answers come 0.2 to 2.2 s late.
 */
export type NetworkKind = "reliable" | "unreliable" | "long-reordering";

const SHORT_DELAY_MS = 2;
const REQUEST_DELAY_MS = 26;
const LOSS = 0.1;
const DUPLICATION = 0.05;

/** After how many milliseconds the copies of a message arrive; empty if it is lost. */
export type Delays = readonly number[];

/** Decides by chance how messages fare on links that are not cut. */
export class LabNetwork {
  kind: NetworkKind;
  readonly #random: Random;

  constructor(kind: NetworkKind, seed: number, concern: string) {
    this.kind = kind;
    this.#random = new Random(seed, concern);
  }

  request(): Delays {
    return this.#copies(() => this.#random.between(0, this.#isReliable ? SHORT_DELAY_MS : REQUEST_DELAY_MS));
  }

  answer(): Delays {
    return this.#copies(() => this.#answerDelayMs());
  }

  get #isReliable(): boolean {
    return this.kind === "reliable";
  }

  #copies(delayMs: () => number): Delays {
    if (this.#isReliable) return [delayMs()];
    if (this.#random.chance(LOSS)) return [];
    return this.#random.chance(DUPLICATION) ? [delayMs(), delayMs()] : [delayMs()];
  }

  #answerDelayMs(): number {
    const random = this.#random;
    if (this.kind !== "long-reordering" || random.chance(1 / 3)) return random.between(0, SHORT_DELAY_MS);
    return 200 + random.between(0, 1 + random.between(0, 2000));
  }
}

/** Which servers can reach each other. */
export class Links {
  readonly #connected: boolean[];
  /** The side of a partition that each server is on. */
  readonly #side: number[];

  constructor(size: number) {
    this.#connected = Array.from({ length: size }, () => true);
    this.#side = Array.from({ length: size }, () => 0);
  }

  isConnected(node: NodeId): boolean {
    return this.#connected[node] === true;
  }

  connect(node: NodeId): void {
    this.#connected[node] = true;
  }

  disconnect(node: NodeId): void {
    this.#connected[node] = false;
  }

  /** Servers on different sides no longer reach each other; those named nowhere stay with the last side. */
  partition(sides: readonly (readonly NodeId[])[]): void {
    this.#side.fill(sides.length - 1);
    for (const [side, nodes] of sides.entries()) for (const node of nodes) this.#side[node] = side;
  }

  connectAll(): void {
    this.#connected.fill(true);
    this.#side.fill(0);
  }

  reaches(from: NodeId, to: NodeId): boolean {
    return this.isConnected(from) && this.isConnected(to) && this.#side[from] === this.#side[to];
  }
}
