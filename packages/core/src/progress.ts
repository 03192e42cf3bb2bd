import type { PeerState } from "./effects.ts";
import type { LogIndex, NodeId } from "./types.ts";

/** However slow a link is, entries that it has lost are sent again some day. */
const MAX_PATIENCE = 16;

interface InFlight {
  readonly last: LogIndex;
  readonly bytes: number;
}

/**
 * What a leader knows of one follower (dissertation, Figure 3.1, volatile state on leaders; 10.2.1 for pipelining).
 *
 * - probe: it is not known where the logs agree. One AppendEntries with entries at a time looks for the place.
 * - replicate: it is known. Entries are sent ahead, `nextIndex` running before the answers.
 * - snapshot: the follower needs entries that are compacted. Only heartbeats until the snapshot is sent.
 */
export class Progress {
  readonly id: NodeId;
  /** The disk whose answers count; see Member. */
  incarnation: string | null;
  state: PeerState["state"] = "probe";
  nextIndex: LogIndex;
  matchIndex: LogIndex = 0;
  /** Ticks since it last answered; counted from the start of the term until it first does. */
  ticksSinceContact = 0;
  hasAnswered = false;
  /** The highest sequence number it has answered. */
  acknowledged = 0;
  /** probe: the entries were sent once, so wait for an answer. Heartbeats repeat the question. */
  paused = false;
  /** replicate: each AppendEntries with entries on its way. */
  inflight: InFlight[] = [];
  inflightBytes = 0;
  /** replicate: ticks for which nothing of what is on its way was confirmed. */
  quietTicks = 0;
  /** replicate: how many of them are no sign of a loss yet. Twice as many as it took to hear of the last entries, and twice as many after each false alarm. */
  patienceTicks: number;
  readonly #patienceTicksMin: number;
  /** A refusal of a request up to this one says nothing new: it was sent before the last change of course. */
  ignoreRefusalsUpTo = 0;
  /** The sequence number that was current when `matchIndex` last rose: later requests are refused only by a follower that lost entries. */
  matchedAtSequence = 0;
  /** Successes up to this sequence number were confirmed by a log that no longer exists. */
  distrustUpTo = 0;
  /** The follower answered "your prevLogIndex is below my snapshot" up to this index (Go peers do, with term 0). */
  floor: LogIndex = 0;
  /** snapshot: which one it is being sent, or a newer one. */
  snapshotIndex: LogIndex = 0;
  /** Ticks until another snapshot may be sent. */
  snapshotPauseTicks = 0;

  constructor(id: NodeId, incarnation: string | null, nextIndex: LogIndex, patienceTicksMin: number) {
    this.patienceTicks = patienceTicksMin;
    this.#patienceTicksMin = patienceTicksMin;
    this.id = id;
    this.incarnation = incarnation;
    this.nextIndex = nextIndex;
  }

  probeFrom(nextIndex: LogIndex, lastSequence: number): void {
    this.state = "probe";
    this.nextIndex = nextIndex;
    this.landAll();
    this.paused = false;
    this.ignoreRefusalsUpTo = lastSequence;
  }

  /** The follower holds everything up to `index`. */
  matched(index: LogIndex): void {
    if (index > this.matchIndex) {
      this.#bePatient(2 * this.quietTicks);
      this.quietTicks = 0;
    }
    this.matchIndex = Math.max(this.matchIndex, index);
    this.nextIndex = Math.max(this.nextIndex, index + 1);
    // Answers may be lost or late: each vouches for all requests up to its index.
    while (this.inflight[0] !== undefined && this.inflight[0].last <= index) {
      this.inflightBytes -= this.inflight[0].bytes;
      this.inflight.shift();
    }
  }

  /** Entries up to `last` are on their way. */
  sent(last: LogIndex, bytes: number): void {
    this.nextIndex = last + 1;
    if (this.inflight.length === 0) this.quietTicks = 0;
    this.inflight.push({ last, bytes });
    this.inflightBytes += bytes;
  }

  /** Nothing that is on its way is waited for any more. */
  landAll(): void {
    this.inflight = [];
    this.inflightBytes = 0;
  }

  /** What is on its way may have been lost: surely so if the follower was away. */
  get isOverdue(): boolean {
    return !this.#isHeard || this.quietTicks >= this.patienceTicks;
  }

  /**
   * It has answered. One that is back after a while gets at once the snapshot that could not be sent to it: the pause after a failure is for those who are
   * there, and cannot take it.
   */
  heard(): void {
    if (!this.#isHeard && Number.isFinite(this.snapshotPauseTicks)) this.snapshotPauseTicks = 0;
    this.ticksSinceContact = 0;
    this.hasAnswered = true;
  }

  tick(): void {
    this.ticksSinceContact += 1;
    if (this.snapshotPauseTicks > 0) this.snapshotPauseTicks -= 1;
    // Of a link over which nothing comes nothing can be learnt.
    if (this.inflight.length > 0 && this.#isHeard) this.quietTicks += 1;
  }

  /** What is on its way is asked for once: it is late, or lost. */
  doubted(): void {
    if (this.#isHeard) this.#bePatient(2 * this.patienceTicks);
  }

  get #isHeard(): boolean {
    return this.ticksSinceContact < 2 * this.#patienceTicksMin;
  }

  #bePatient(ticks: number): void {
    const [least, most] = [this.#patienceTicksMin, MAX_PATIENCE * this.#patienceTicksMin];
    this.patienceTicks = Math.max(least, Math.min(ticks, most));
  }

  /** A snapshot is on its way. */
  get isInTransfer(): boolean {
    return this.state === "snapshot" && this.snapshotPauseTicks === Number.POSITIVE_INFINITY;
  }

  /** It will ask for the entries after this one. */
  get neededAfter(): LogIndex {
    return this.state === "snapshot" ? this.snapshotIndex : this.matchIndex;
  }

  inspect(): PeerState {
    return {
      state: this.state,
      nextIndex: this.nextIndex,
      matchIndex: this.matchIndex,
      inflightBytes: this.inflightBytes,
      ticksSinceContact: this.hasAnswered ? this.ticksSinceContact : null,
    };
  }
}
