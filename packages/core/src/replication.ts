import type {
  AppendEntriesResponse,
  InstallSnapshotResponse,
  Message,
  RequestVoteResponse,
} from "./messages.ts";
import { memberOf } from "./configuration.ts";
import { Progress } from "./progress.ts";
import type { Server } from "./server.ts";
import type { Entry, LogIndex, NodeId, SnapshotMeta } from "./types.ts";

/** Brings every follower's log to where the leader's is (dissertation, 3.5, 5.1, 10.2.1). */
export class Replication {
  readonly #server: Server;
  readonly #followers = new Map<NodeId, Progress>();
  /** Servers that have left, and count nowhere, each with the ticks for which it still gets the log. */
  readonly #leaving = new Map<Progress, number>();

  constructor(server: Server) {
    this.#server = server;
    for (const { id, incarnation } of server.configuration.members) {
      if (id === server.id) continue;
      this.#followers.set(id, this.#progressOf(id, incarnation));
    }
  }

  /**
   * Follows the configuration in force: begins with new members, and takes leave of those that are gone. They still get the entry that says so, and hear
   * that it is committed. Otherwise they would stay in the joint configuration for ever, and go on asking for votes.
   */
  reconfigure(): void {
    const { configuration, config, id: self } = this.#server;
    const known = new Map(this.#followers);
    for (const [id, progress] of known) {
      if (memberOf(configuration, id) === null) this.#leaving.set(progress, config.electionTimeoutTicksMin);
    }
    for (const progress of this.#leaving.keys()) {
      if (memberOf(configuration, progress.id) !== null) this.#leaving.delete(progress);
    }
    this.#followers.clear();
    for (const { id, incarnation } of configuration.members) {
      if (id === self) continue;
      const progress = known.get(id);
      // What another disk confirmed says nothing about this one. Learning for the first time which disk it is changes nothing.
      const isSame = progress !== undefined && (progress.incarnation ?? incarnation) === incarnation;
      if (isSame) progress.incarnation = incarnation;
      this.#followers.set(id, isSame ? progress : this.#begin(id, incarnation));
    }
  }

  follower(id: NodeId): Progress | null {
    return this.#followers.get(id) ?? null;
  }

  get followers(): Iterable<Progress> {
    return this.#followers.values();
  }

  tick(): void {
    for (const follower of this.#followers.values()) follower.tick();
    for (const [follower, ticks] of this.#leaving) {
      if (ticks > 1) this.#leaving.set(follower, ticks - 1);
      else this.#leaving.delete(follower);
    }
  }

  /**
   * What a snapshot should leave in the log for the sake of followers that are catching up. A transfer that takes longer than the time between two
   * snapshots would otherwise end where the log no longer begins, and have to be repeated for ever. Nobody waits for the dead.
   */
  get neededAfter(): LogIndex {
    const { electionTimeoutTicksMin } = this.#server.config;
    let needed = Number.POSITIVE_INFINITY;
    for (const follower of this.#followers.values()) {
      if (follower.ticksSinceContact >= electionTimeoutTicksMin && !follower.isInTransfer) continue;
      needed = Math.min(needed, follower.neededAfter);
    }
    return needed;
  }

  /** Sends every follower something now, whether or not it has entries to get. */
  heartbeat(): void {
    for (const follower of this.#audience) {
      const sent = this.#server.lastSequence;
      this.#advance(follower);
      if (this.#server.lastSequence === sent || follower.state === "snapshot") this.#sendEmpty(follower);
    }
  }

  /** Sends what followers lack, as far as their windows allow. */
  sendEntries(): void {
    for (const follower of this.#audience) this.#advance(follower);
  }

  /** Notes that `response` is a sign of life; null if its sender is no follower of ours or it answers an earlier term. */
  answered(response: Message): Progress | null {
    const follower = this.#audience.find(({ id }) => id === response.from);
    if (follower === undefined || !isAnswer(response)) return null;
    if (isStaleRejection(response)) return null;
    const current = response.term === this.#server.term;
    // A Go peer answers with its old term to InstallSnapshot, and with term 0 to a prevLogIndex below its snapshot. Both are signs of life.
    if (!current && !(response.type === "installSnapshotResponse" || isBelowSnapshot(response))) return null;
    follower.heard();
    // Of this term only: a vote is no statement about our leadership, nor is an answer from before an election.
    if (current && response.type === "appendEntriesResponse") {
      follower.acknowledged = Math.max(follower.acknowledged, response.sequence);
    }
    return follower;
  }

  /** Handles a success. True if the follower now holds more than was known. */
  accepted(follower: Progress, { matchIndex, sequence }: AppendEntriesResponse): boolean {
    // Beyond our own log nothing can match; and what was confirmed before the follower lost its log is no longer so.
    if (matchIndex > this.#server.log.lastIndex || sequence <= follower.distrustUpTo) return false;
    const { state, matchIndex: known } = follower;
    follower.matched(matchIndex);
    if (matchIndex > known) follower.matchedAtSequence = this.#server.lastSequence;
    const reachable = follower.nextIndex > this.#server.log.baseIndex;
    if (state !== "replicate" && reachable && (state === "probe" || matchIndex > known)) {
      follower.state = "replicate";
      follower.nextIndex = follower.matchIndex + 1;
      follower.landAll();
    }
    return matchIndex > known;
  }

  /** Handles a failed consistency check: looks for the place where the logs agree. */
  refused(follower: Progress, response: AppendEntriesResponse): void {
    // While probing, any request since the last change of course asked about the same prevLogIndex. Not only the latest one counts: a follower
    // that takes longer than a heartbeat to answer would never be heard.
    if (follower.state === "snapshot" || response.sequence <= follower.ignoreRefusalsUpTo) return;
    const { log, lastSequence } = this.#server;
    const prevLogIndex = follower.nextIndex - 1;
    if (isBelowSnapshot(response)) {
      if (follower.state === "probe") this.#raiseFloor(follower, prevLogIndex);
      return;
    }
    if (follower.state === "probe" && prevLogIndex === follower.matchIndex && prevLogIndex > 0) {
      this.#distrust(follower, response);
    }
    const hint = this.#nextIndexFor(response, prevLogIndex);
    // A refusal always moves the search down, whatever the hint says, so it ends; and never below what is known to match.
    const next = Math.max(follower.matchIndex + 1, Math.min(hint, prevLogIndex, log.lastIndex + 1), 1);
    if (follower.floor > 0 && next - 1 <= follower.floor) this.#needSnapshot(follower);
    else follower.probeFrom(next, lastSequence);
  }

  snapshotSent(to: NodeId, snapshot: SnapshotMeta | null): void {
    const follower = this.#followers.get(to);
    if (follower === undefined) return;
    const { log, config } = this.#server;
    // While a large one was on its way there has been another, and the log may begin after that: the follower needs it right away.
    const isOutdated = snapshot !== null && snapshot.lastIncludedIndex < log.snapshot.lastIncludedIndex;
    follower.snapshotPauseTicks = isOutdated ? 0 : config.electionTimeoutTicksMin;
    if (follower.state !== "snapshot" || snapshot === null) return;
    // An answer is not an installation: a Go peer answers first. matchIndex moves only when an AppendEntries succeeds.
    const { baseIndex, lastIndex } = log;
    const next = Math.max(snapshot.lastIncludedIndex, follower.matchIndex, baseIndex) + 1;
    follower.probeFrom(Math.min(next, lastIndex + 1), this.#server.lastSequence);
    follower.floor = 0;
  }

  unreachable(peer: NodeId): void {
    const follower = this.#followers.get(peer);
    if (follower === undefined) return;
    if (follower.state === "replicate") {
      follower.probeFrom(follower.matchIndex + 1, this.#server.lastSequence);
    }
    // Not at once: an unreachable peer answers "unreachable" as fast as one can ask.
    follower.paused = true;
  }

  /** Whoever gets the log. */
  get #audience(): Progress[] {
    return [...this.#followers.values(), ...this.#leaving.keys()];
  }

  #begin(id: NodeId, incarnation: string | null): Progress {
    const { lastSequence } = this.#server;
    const progress = this.#progressOf(id, incarnation);
    // A member that was removed, lost its disk and is back under its old id: answers from its earlier life may still be on their way.
    progress.distrustUpTo = lastSequence;
    return progress;
  }

  #progressOf(id: NodeId, incarnation: string | null): Progress {
    const { log, config } = this.#server;
    return new Progress(id, incarnation, log.lastIndex + 1, Math.ceil(config.electionTimeoutTicksMin / 2));
  }

  #advance(follower: Progress): void {
    const { log, config } = this.#server;
    if (follower.state === "snapshot") {
      if (follower.snapshotPauseTicks === 0) this.#requestSnapshot(follower);
      return;
    }
    if (follower.nextIndex <= log.baseIndex) {
      this.#needSnapshot(follower);
      return;
    }
    if (follower.state === "probe") {
      if (follower.paused) return;
      follower.paused = true;
      this.#sendAppend(follower, log.batch(follower.nextIndex, config.maxAppendBytes));
      return;
    }
    const { maxInflightAppends, maxInflightBytes, maxAppendBytes } = config;
    while (follower.nextIndex <= log.lastIndex && follower.inflight.length < maxInflightAppends) {
      const entries = log.batch(follower.nextIndex, maxAppendBytes);
      const bytes = log.bytesBetween(follower.nextIndex, follower.nextIndex + entries.length - 1);
      if (follower.inflight.length > 0 && follower.inflightBytes + bytes > maxInflightBytes) return;
      this.#sendAppend(follower, entries);
      follower.sent(follower.nextIndex + entries.length - 1, bytes);
    }
  }

  #sendEmpty(follower: Progress): void {
    this.#sendAppend(follower, [], this.#askedOf(follower));
  }

  /**
   * Up to where an AppendEntries without entries asks a follower whether it has the log.
   *
   * In probe it repeats the question without the entries: a follower that is down, or behind a slow link, gets no whole batch every time. A follower
   * that waits for a snapshot is asked what it cannot refuse for long: only that it hears from a leader matters. In replicate "did you get all I
   * sent?" would notice a lost AppendEntries, but only when it is overdue:
   *
   * 1. Four megabytes of entries are on their way. An empty AppendEntries goes its own way and overtakes them.
   * 2. Asked for all of it, the follower refuses. The leader takes the entries for lost, and sends them again.
   * 3. So it goes with every heartbeat, and every read: the follower gets everything many times, and falls behind the more.
   */
  #askedOf(follower: Progress): LogIndex {
    const { baseIndex } = this.#server.log;
    if (follower.state === "snapshot") return baseIndex;
    const isOnItsWay = follower.inflight.length > 0 && follower.matchIndex >= baseIndex;
    if (isOnItsWay && !follower.isOverdue) return follower.matchIndex;
    if (isOnItsWay) follower.doubted();
    return follower.nextIndex - 1;
  }

  #sendAppend(
    follower: Progress,
    entries: readonly Entry[],
    prevLogIndex: LogIndex = follower.nextIndex - 1,
  ): void {
    const { id, term, log, commitIndex } = this.#server;
    // Sent before our own disk has these entries (10.2.1): they count for us only once it has.
    this.#server.send({
      type: "appendEntries",
      from: id,
      to: follower.id,
      term,
      sequence: this.#server.nextSequence(),
      prevLogIndex,
      prevLogTerm: log.knownTermAt(prevLogIndex),
      // A Go follower commits up to its own last index, verified or not, so it must never be told more than this message verifies.
      leaderCommit: Math.min(commitIndex, prevLogIndex + entries.length),
      entries,
    });
  }

  /** Where to look next (3.5, the optimisation with conflictTerm): past our last entry of that term, or where the follower says. */
  #nextIndexFor({ conflictIndex, conflictTerm }: AppendEntriesResponse, prevLogIndex: LogIndex): LogIndex {
    if (conflictTerm <= 0) return conflictIndex;
    const last = this.#server.log.lastIndexOfTerm(conflictTerm, prevLogIndex);
    return last === null ? conflictIndex : last + 1;
  }

  #raiseFloor(follower: Progress, prevLogIndex: LogIndex): void {
    // Each such answer raises the floor, so this ends: at our last index, or with a snapshot.
    follower.floor = Math.max(follower.floor, prevLogIndex);
    const { lastIndex } = this.#server.log;
    if (follower.floor >= lastIndex) this.#needSnapshot(follower);
    else follower.probeFrom(lastIndex + 1, this.#server.lastSequence);
  }

  /** The follower refuses what it had confirmed: its disk has lost it (the Go nodes can). Say so, and no longer count on it. */
  #distrust(follower: Progress, { conflictIndex, sequence }: AppendEntriesResponse): void {
    if (sequence <= follower.matchedAtSequence) return;
    const confirmed = follower.matchIndex;
    const remaining = Math.max(0, Math.min(conflictIndex - 1, confirmed - 1));
    follower.matchIndex = remaining;
    follower.distrustUpTo = this.#server.lastSequence;
    this.#server.outbox.alerts.push({ type: "followerLostLog", peer: follower.id, confirmed, remaining });
  }

  #needSnapshot(follower: Progress): void {
    follower.state = "snapshot";
    follower.landAll();
    if (follower.snapshotPauseTicks === 0) this.#requestSnapshot(follower);
  }

  #requestSnapshot(follower: Progress): void {
    if (this.#leaving.has(follower)) return;
    follower.snapshotIndex = this.#server.log.snapshot.lastIncludedIndex;
    // Set until `snapshotSent` sets the real pause: one transfer at a time.
    follower.snapshotPauseTicks = Number.POSITIVE_INFINITY;
    const { term, outbox } = this.#server;
    outbox.snapshots.push({ to: follower.id, term, sequence: this.#server.nextSequence() });
  }
}

type Answer = AppendEntriesResponse | InstallSnapshotResponse | RequestVoteResponse;

function isAnswer(message: Message): message is Answer {
  const { type } = message;
  return (
    type === "appendEntriesResponse" || type === "installSnapshotResponse" || type === "requestVoteResponse"
  );
}

/**
 * "Your term is over", said to a request of an earlier term, which is why it names no place of conflict. When it arrives, its term may have become ours:
 *
 * 1. Server A leads term 1. Its request 1000 to B is delayed.
 * 2. A restarts, counts its requests from 1 again, and is elected in term 2, by B.
 * 3. B gets request 1000 and answers "term 2". Taken for an answer to A of term 2, it would confirm all reads up to that number.
 */
function isStaleRejection(response: Answer): boolean {
  if (response.type !== "appendEntriesResponse" || response.success || response.term === 0) return false;
  return response.conflictIndex === 0 && response.conflictTerm === 0;
}

/** "Your prevLogIndex is below my snapshot" as a Go peer says it: a message of defaults only. */
function isBelowSnapshot(response: Answer): response is AppendEntriesResponse {
  return response.type === "appendEntriesResponse" && response.term === 0 && !response.success;
}
