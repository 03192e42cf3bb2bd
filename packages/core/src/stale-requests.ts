import { FIRST_TRANSPORT_SEQUENCE } from "./messages.ts";

/** The highest number heard so far, and when. */
interface Mark {
  sequence: number;
  readonly at: number;
}

/**
 * Which of the leader's requests are so old that it has given up waiting for what they ask (dissertation, 3.10: "aborts the transfer and resumes
 * accepting client requests"). It numbers what it sends, so whatever has a lower number than something that came in long ago was sent before that.
 *
 * 1. Leader A asks B to stand for election. The request is slow. A gives up after an election timeout, and says that the transfer failed.
 * 2. A serves clients for seconds. B gets their writes and A's heartbeats, which go another way, or over a younger connection.
 * 3. The request arrives, in A's term and from A. B stands, and wins: nobody refuses whom the leader has asked. A leadership ends with which everybody
 *    is content.
 *
 * A heartbeat that has just overtaken the request says nothing: A still waits, and asks only once.
 */
export class StaleRequests {
  readonly #patienceTicks: number;
  /** Those that came in within `patienceTicks`, their numbers rising; at most one for each tick. */
  #marks: Mark[] = [];
  #ticks = 0;
  /** The highest number of what came in before. */
  #overtaken = 0;

  /** @param patienceTicks for how long the leader waits */
  constructor(patienceTicks: number) {
    this.#patienceTicks = patienceTicks;
  }

  tick(): void {
    this.#ticks += 1;
    // More than so many ticks: of the first one only the end may have passed, and the leader may have begun to wait right after one of its own.
    let mark = this.#marks[0];
    while (mark !== undefined && this.#ticks - mark.at > this.#patienceTicks) {
      this.#overtaken = mark.sequence;
      this.#marks.shift();
      mark = this.#marks[0];
    }
  }

  /** Another leader, which counts from wherever it is. */
  newTerm(): void {
    this.#marks = [];
    this.#overtaken = 0;
  }

  /** A message of the leader came in. */
  heard(sequence: number): void {
    // Where the wire has no numbers they are the transport's: these say when something came in, and not when it was sent.
    if (!(sequence < FIRST_TRANSPORT_SEQUENCE)) return;
    const last = this.#marks.at(-1);
    if (sequence <= (last?.sequence ?? this.#overtaken)) return;
    if (last?.at === this.#ticks) last.sequence = sequence;
    else this.#marks.push({ sequence, at: this.#ticks });
  }

  isStale(sequence: number): boolean {
    return sequence < this.#overtaken;
  }
}
