import { invariant } from "./assert.ts";
import type { ResolvedConfig } from "./config.ts";
import { initialConfiguration, isElector, memberOf } from "./configuration.ts";
import type { RequestId } from "./effects.ts";
import { ElectionTimer } from "./election-timer.ts";
import { Log } from "./log.ts";
import type { InstallSnapshot, Message } from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { Quorum } from "./quorum.ts";
import { Random } from "./random.ts";
import { StaleRequests } from "./stale-requests.ts";
import type {
  Configuration,
  Entry,
  HardState,
  LogIndex,
  Member,
  NodeId,
  Restored,
  Term,
  WriteBatch,
} from "./types.ts";

/**
 * What a server has whatever its role: the state of Figure 3.1, its election timer, and the bookkeeping of what is durable and what is applied.
 * It decides nothing about elections or replication; the roles and the request handlers do.
 */
export class Server {
  readonly config: ResolvedConfig;
  readonly log: Log;
  readonly outbox: Outbox = new Outbox();
  /** The leader of `term`, as far as this server knows. */
  leaderId: NodeId | null = null;
  commitIndex: LogIndex;
  lastApplied: LogIndex;
  /** Ticks since the write or restore under way began. */
  storageTicks = 0;

  readonly timer: ElectionTimer;
  /** What the leader of `term` has asked for and given up since. */
  readonly staleRequests: StaleRequests;
  /** What the caller's clock last said; only with leases. */
  now = 0;

  #hardState: HardState;
  #stableHardState: HardState;
  /** What the write under way makes durable; null when none is. */
  #writing: HardState | null = null;
  #applyingUpTo: LogIndex | null = null;
  #restoring: InstallSnapshot | null = null;
  #restoreToHandOut: InstallSnapshot | null = null;
  #sequence = 0;
  #nonce: number;
  #reads: { id: RequestId; index: LogIndex }[] = [];
  /** Committed proposals whose entries are not handed out yet, in order of their indexes. */
  #proposals: { id: RequestId; index: LogIndex }[] = [];

  /** Of `configuration`, made anew when that changes. */
  #quorum: { readonly of: Configuration; readonly quorum: Quorum } | null = null;

  constructor(config: ResolvedConfig, restored: Restored, applied: LogIndex) {
    this.config = config;
    const initial = initialConfiguration(config.peers, config.addresses);
    this.log = new Log(restored, initial, config.entriesInBlock);
    this.#stableHardState = restored.hardState;
    this.#hardState = atLeastOfTerm(restored.hardState, this.log.snapshot.lastIncludedTerm);
    const { lastIncludedIndex } = this.log.snapshot;
    invariant(
      applied >= lastIncludedIndex && applied <= this.log.lastIndex,
      `the state machine reflects entry ${applied}, but the storage has snapshot ${lastIncludedIndex} and entries up to ${this.log.lastIndex}`,
    );
    invariant(
      restored.entries.length === 0 || this.log.lastTerm <= restored.hardState.term,
      `the log ends in term ${this.log.lastTerm}, above the stored term ${restored.hardState.term}`,
    );
    this.commitIndex = applied;
    this.lastApplied = applied;
    this.timer = new ElectionTimer(config);
    this.staleRequests = new StaleRequests(config.electionTimeoutTicksMin);
    this.#nonce = new Random(config.seed).integer(0, 2 ** 32) * 2 ** 20;
    this.restartElectionTimer();
  }

  get id(): NodeId {
    return this.config.id;
  }

  get term(): Term {
    return this.#hardState.term;
  }

  get votedFor(): NodeId | null {
    return this.#hardState.votedFor;
  }

  get stableHardState(): HardState {
    return this.#stableHardState;
  }

  /** True when term, vote and log are all durable as they are now. */
  get isDurable(): boolean {
    return !this.#hasUnwritten && !this.storageBusy;
  }

  get storageBusy(): boolean {
    return this.#writing !== null || this.#restoring !== null;
  }

  get isRestoring(): boolean {
    return this.#restoring !== null;
  }

  /** Enters a new term, with a vote or without one. A vote once given in a term is never changed (dissertation, 3.4). */
  setHardState(term: Term, votedFor: NodeId | null): void {
    invariant(term >= this.term, `term ${term} after term ${this.term}`);
    invariant(
      term > this.term || this.votedFor === null || this.votedFor === votedFor,
      `second vote in term ${term}: ${votedFor} after ${this.votedFor}`,
    );
    if (term > this.term) {
      this.leaderId = null;
      this.timer.newTerm();
      this.staleRequests.newTerm();
      this.outbox.dropStaleQuestions(term);
    }
    this.#hardState = { term, votedFor };
  }

  // --- messages

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** A number that no request of this server had before, in an earlier life either. */
  nextNonce(): number {
    this.#nonce += 1;
    return this.#nonce;
  }

  get lastNonce(): number {
    return this.#nonce;
  }

  get lastSequence(): number {
    return this.#sequence;
  }

  /** Sends a message that promises nothing which is not durable yet. */
  send(message: Message): void {
    this.outbox.messages.push(message);
  }

  /** Sends a message once everything decided so far is durable. */
  sendWhenDurable(message: Message): void {
    this.outbox.promise(message, { unwritten: this.#hasUnwritten, writing: this.storageBusy });
  }

  /** Sends a message that promises nothing, but says in which term it was sent: nobody may hear of a term that this server can still forget. */
  sendInDurableTerm(message: Message): void {
    if (this.#stableHardState.term === this.term) this.send(message);
    else this.sendWhenDurable(message);
  }

  // --- elections

  /** The members as of the latest configuration in the log (dissertation, 4.1). */
  get configuration(): Configuration {
    return this.log.configuration.configuration;
  }

  get quorum(): Quorum {
    const { configuration } = this;
    if (this.#quorum?.of !== configuration) {
      this.#quorum = { of: configuration, quorum: new Quorum(configuration) };
    }
    return this.#quorum.quorum;
  }

  /**
   * Whether this server should stand for election. Also if its latest configuration does not have it any more, until that is known to be
   * committed (4.2.2); its own vote then counts for nothing. Otherwise nobody might be left:
   *
   * 1. Servers A and B; leader A removes itself. Both have the joint configuration, A alone has the new one, {B}.
   * 2. A loses its leadership. B needs A's vote, by the joint configuration, and A's log is longer: B cannot win.
   */
  get mayStand(): boolean {
    if (memberOf(this.configuration, this.id)?.standing === "rejoining") return false;
    return this.#isMemberWhere(({ standing }) => isElector(standing));
  }

  /**
   * Whether this server may vote: not on a disk that no configuration in force knows as its own. Candidates cannot tell, if they are behind:
   *
   * 1. Of servers A to E, D and E are away. The others commit which disk speaks for whom, and more.
   * 2. B and C lose their disks and come back with empty ones.
   * 3. D and E are back, with old logs, and A is away. They ask B and C, by whatever disk: with these votes D leads without what was committed.
   */
  get mayVote(): boolean {
    return this.#isMemberWhere(() => true);
  }

  /**
   * Whether a configuration that may be in force has this server, with this disk. A server on a new disk also comes across those of its former life:
   * 1. A is alone in its cluster. B joins, A leaves, C joins, A's disk is replaced, and A joins again.
   * 2. The log that A gets begins with its own time. At the entry that says "A alone", A would elect itself.
   */
  #isMemberWhere(isMeant: (member: Member) => boolean): boolean {
    const { id, incarnation: own } = this.config;
    return this.log.configurationsFrom(this.commitIndex).some(({ configuration }) => {
      const member = memberOf(configuration, id);
      if (member === null || !isMeant(member)) return false;
      return own === null || member.incarnation === null || member.incarnation === own;
    });
  }

  restartElectionTimer(): void {
    // Alone, there is nobody to wait for; but for a leader that has left the configuration and is still there, and may rely on a lease:
    //
    // 1. Leader A removes itself. B has the entry that says "B alone", and has just answered a heartbeat.
    // 2. B elects itself and acknowledges a write. A, within its lease, serves a read without it.
    const hasPromised = this.term > 0 && this.timer.isLeaderRecent;
    const isAlone = !hasPromised && this.quorum.isReachedBy((id) => id === this.id);
    this.timer.restart({ isAlone });
  }

  /** A message of the leader of this term, numbered `sequence`, came in. */
  heardFromLeader(leaderId: NodeId, sequence: number): void {
    this.leaderId = leaderId;
    this.staleRequests.heard(sequence);
    this.timer.heardFromLeader();
    this.restartElectionTimer();
  }

  /** The leader that clients should ask; null if there is none, or it has been silent for so long that it probably is none any more. */
  get knownLeaderId(): NodeId | null {
    return this.timer.isLeaderRecent ? this.leaderId : null;
  }

  // --- commit and apply

  /** Moves the commit index forward; what is committed never becomes uncommitted. */
  commitUpTo(index: LogIndex): void {
    invariant(index <= this.log.lastIndex, `commit ${index} beyond the log's end ${this.log.lastIndex}`);
    this.commitIndex = Math.max(this.commitIndex, index);
  }

  /** Reports that the proposal `id` is committed at `index`, together with handing out its entry. */
  committed(index: LogIndex, id: RequestId): void {
    this.#proposals.push({ id, index });
  }

  /** The committed proposals up to `index` that are not handed out yet never will be, as far as anybody can tell. */
  giveUpProposals(index: LogIndex): void {
    const kept = [];
    for (const proposal of this.#proposals) {
      if (proposal.index > index) kept.push(proposal);
      else this.outbox.outcomes.push({ type: "unknown", id: proposal.id, leaderId: this.leaderId });
    }
    this.#proposals = kept;
  }

  /** Answers a read once the state machine reflects `index`. */
  readAt(id: RequestId, index: LogIndex): void {
    this.#reads.push({ id, index });
    this.#releaseReads();
  }

  /** Reads that wait for entries which nobody is there to send: another server may have them. */
  giveUpReads(): void {
    for (const { id } of this.#reads) this.outbox.outcomes.push({ type: "notLeader", id, leaderId: null });
    this.#reads = [];
  }

  applied(index: LogIndex): void {
    const { commitIndex } = this;
    invariant(index <= commitIndex, `applied ${index} is above the commit index ${commitIndex}`);
    if (this.#applyingUpTo !== null && index >= this.#applyingUpTo) this.#applyingUpTo = null;
    this.lastApplied = Math.max(this.lastApplied, index);
    this.log.pack(this.lastApplied);
    this.#releaseReads();
  }

  #releaseReads(): void {
    if (this.#reads.length === 0) return;
    const waiting = [];
    for (const read of this.#reads) {
      if (read.index <= this.lastApplied) this.outbox.outcomes.push({ type: "readable", ...read });
      else waiting.push(read);
    }
    this.#reads = waiting;
  }

  /** Hands out what is committed and durable here and not yet applied, unless the state machine is busy. */
  takeCommitted(): Entry[] {
    // Only durable entries: a state machine with a disk of its own must not be ahead of the log after a crash.
    const upTo = Math.min(this.commitIndex, this.log.stableIndex);
    if (this.#applyingUpTo !== null || this.#restoring !== null || upTo <= this.lastApplied) return [];
    this.#applyingUpTo = upTo;
    const { outcomes } = this.outbox;
    let handedOut = 0;
    for (const { id, index } of this.#proposals) {
      if (index > upTo) break;
      outcomes.push({ type: "committed", id, index });
      handedOut += 1;
    }
    this.#proposals = this.#proposals.slice(handedOut);
    return this.log.slice(this.lastApplied + 1, upTo);
  }

  // --- storage

  /** Adopts the leader's snapshot: at once in memory, and on disk when the caller has done the restore it is handed. */
  beginRestore(header: InstallSnapshot): void {
    invariant(this.#restoring === null, "a snapshot is being installed already");
    this.#restoring = header;
    this.#restoreToHandOut = header;
    this.storageTicks = 0;
    this.log.install(header);
    this.commitUpTo(header.lastIncludedIndex);
    // A proposal of ours that the snapshot covers is done, but its result is computed elsewhere: here it is unknown for ever.
    this.giveUpProposals(header.lastIncludedIndex);
  }

  takeRestore(): InstallSnapshot | null {
    const restore = this.#restoreToHandOut;
    if (restore === null) return null;
    this.#restoreToHandOut = null;
    if (!this.#hasUnwritten) this.outbox.handedOver();
    return restore;
  }

  restored(): void {
    invariant(this.#restoring !== null, "restored without a restore under way");
    const { lastIncludedIndex } = this.#restoring;
    this.#restoring = null;
    this.#applyingUpTo = null;
    this.#storageDone();
    this.applied(lastIncludedIndex);
  }

  /** Hands out what is not durable yet, unless the storage is busy. */
  takeWrite(): WriteBatch | null {
    if (this.storageBusy || !this.#hasUnwritten) return null;
    const hardState = this.#hardState === this.#stableHardState ? null : this.#hardState;
    this.#writing = this.#hardState;
    this.storageTicks = 0;
    this.outbox.handedOver();
    return { hardState, ...this.log.takeUnwritten() };
  }

  written(): void {
    invariant(this.#writing !== null, "written without a write under way");
    this.#stableHardState = this.#writing;
    this.#writing = null;
    this.log.written();
    this.#storageDone();
  }

  #storageDone(): void {
    // A restore may be handed out while a write is still under way. What was promised then needs both.
    if (!this.storageBusy) this.outbox.done();
  }

  get #hasUnwritten(): boolean {
    return this.#hardState !== (this.#writing ?? this.#stableHardState) || this.log.hasUnwritten;
  }
}

/**
 * A snapshot may come in a new term and be stored before that term is; then the server crashes. It has answered nothing in the new term yet,
 * and given no vote in it, for both wait for the write. So it is free to begin there.
 */
function atLeastOfTerm(hardState: HardState, term: Term): HardState {
  return hardState.term >= term ? hardState : { term, votedFor: null };
}
