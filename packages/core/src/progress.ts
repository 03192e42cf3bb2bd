import type { PeerState } from "./effects.ts";
import type { LogIndex, NodeId } from "./types.ts";

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

  constructor(id: NodeId, incarnation: string | null, nextIndex: LogIndex) {
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
    this.inflight.push({ last, bytes });
    this.inflightBytes += bytes;
  }

  /** Nothing that is on its way is waited for any more. */
  landAll(): void {
    this.inflight = [];
    this.inflightBytes = 0;
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
