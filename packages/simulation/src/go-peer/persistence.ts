import type { NodeId, Term } from "@eraft/core";
import { GoPanic } from "./panic.ts";
import { type GoEntry, NOBODY } from "./types.ts";

/** What a Go node writes to its state file: always all of it, in place, without fsync. */
export interface GoPersistedState {
  readonly term: Term;
  readonly votedFor: NodeId;
  readonly log: readonly GoEntry[];
}

/** What a crash in the middle of a write leaves of a Go node's disk. `none`: the crash fell between writes. */
export type GoDiskFault = "none" | "emptied" | "torn" | "betweenFiles";

const NO_BYTES = new Uint8Array(0);

/**
 * The two files of a Go node. Writing one means truncating it first, so a crash can leave it empty (S1) or torn (S3); writing "both atomically" means
 * one after the other, so a crash in between leaves a trimmed log beside an older snapshot (S2). Damage is put in by `crash`; without it
 * the disk is perfect.
 */
export class GoDisk {
  #state: GoPersistedState | null = null;
  #torn = false;
  #snapshot: Uint8Array = NO_BYTES;
  #previousSnapshot: Uint8Array = NO_BYTES;
  /** How often the state file was written, and how many log entries (dummies not counted) went into it each time: all of them (L4, L20). */
  stateWrites = 0;
  entriesWritten = 0;

  saveState({ term, votedFor, log }: GoPersistedState): void {
    this.#state = { term, votedFor, log: [...log] };
    this.#torn = false;
    this.stateWrites += 1;
    this.entriesWritten += log.length - 1;
  }

  saveStateAndSnapshot(state: GoPersistedState, snapshot: Uint8Array): void {
    this.saveState(state);
    this.#previousSnapshot = this.#snapshot;
    this.#snapshot = snapshot;
  }

  /** An empty file is read as that of a new node (S1). A torn one leaves no log at all, not even the dummy: the process dies (S3). */
  readState(): GoPersistedState | null {
    if (this.#torn) throw new GoPanic("index out of range [0] with length 0");
    return this.#state;
  }

  readSnapshot(): Uint8Array {
    return this.#snapshot;
  }

  crash(fault: GoDiskFault): void {
    switch (fault) {
      case "none":
        return;
      case "emptied":
        this.#state = null;
        return;
      case "torn":
        this.#torn = true;
        return;
      case "betweenFiles":
        this.#snapshot = this.#previousSnapshot;
        return;
    }
  }

  /** One bit of the stored term flips at rest. Nothing would notice: there is no checksum (S3). */
  flipTermBit(bit: number): void {
    const { term, votedFor, log } = this.#state ?? { term: 0, votedFor: NOBODY, log: [] };
    this.#state = { term: term ^ (1 << bit), votedFor, log };
  }
}
