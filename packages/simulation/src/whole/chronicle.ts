import type { LogIndex } from "@eraft/core";
import { mix } from "../cluster/machine.ts";
import type { Coverage } from "./coverage.ts";
import type { Judge } from "./judge.ts";

interface Applied {
  readonly index: LogIndex;
  readonly command: number;
  readonly result: number;
}

/** What state machines have been given, and what they made of it: the same everywhere. */
export class Chronicle {
  readonly #judge: Judge;
  readonly #coverage: Coverage;
  /** Every command, in order. Indexes that are missing hold no command, on any server. */
  readonly #applied: Applied[] = [];
  /** Digests of the snapshots of the state after so many commands. */
  readonly #states = new Map<number, number>();
  readonly #sessions = new Set<string>();

  constructor(judge: Judge, coverage: Coverage) {
    this.#judge = judge;
    this.#coverage = coverage;
  }

  get lastIndex(): LogIndex {
    return this.#applied.at(-1)?.index ?? 0;
  }

  /** How many commands there are up to and with `index`: where a state machine that was restored to it goes on. */
  positionAfter(index: LogIndex): number {
    let low = 0;
    let high = this.#applied.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#applied[middle]?.index ?? 0) <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** State Machine Safety: the `position`th command that any server applies is the same one, at the same index, with the same result. */
  applies(server: number, position: number, applied: Applied): void {
    const known = this.#applied[position];
    if (known === undefined) {
      this.#judge.check(
        position === this.#applied.length && applied.index > this.lastIndex,
        "Log Order",
        () => `${server} applies ${applied.index} after ${this.lastIndex}`,
      );
      this.#applied.push(applied);
      return;
    }
    this.#judge.check(
      known.index === applied.index && known.command === applied.command,
      "State Machine Safety",
      () => `${server} applies another command at ${applied.index} than others at ${known.index}`,
    );
    this.#judge.check(
      known.result === applied.result,
      "Equal Results",
      () => `${server} gets another result at ${applied.index} than others`,
    );
  }

  /** A write of this session was committed; a second time if the client has sent it again. */
  commits(sessionAndCommand: string, isFirst: boolean): void {
    if (!isFirst) return;
    if (this.#sessions.has(sessionAndCommand)) this.#coverage.hit("duplicateCommitted");
    this.#sessions.add(sessionAndCommand);
  }

  get length(): number {
    return this.#applied.length;
  }

  /** Equal prefixes make equal states, byte for byte. */
  views(server: number, position: number, digest: number): void {
    const known = this.#states.get(position);
    this.#states.set(position, known ?? digest);
    this.#judge.check(
      known === undefined || known === digest,
      "Equal States",
      () => `the snapshot of ${server} after ${position} commands differs from that of another server`,
    );
  }

  /** A stored or restored snapshot is, byte for byte, what a state machine looked like at the index that its meta names. */
  isSnapshot(server: number, index: LogIndex, digest: number): void {
    this.#judge.check(
      this.#states.get(this.positionAfter(index)) === digest,
      "Snapshot Is The State",
      () => `${server} has a snapshot of index ${index} that no state machine ever made there`,
    );
  }
}

/** Continues `digest` with `bytes`, however they are cut. */
export function digestBytes(bytes: Uint8Array, digest = 0x5bd1e995): number {
  for (const byte of bytes) digest = mix(digest, byte);
  return digest;
}
