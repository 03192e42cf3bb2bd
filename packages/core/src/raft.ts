import { answerAppendEntries } from "./appending.ts";
import { invariant } from "./assert.ts";
import { Candidate } from "./candidate.ts";
import { type RaftConfig, resolveConfig } from "./config.ts";
import type { Input, PeerState, RaftState, Ready, RoleChange } from "./effects.ts";
import { Follower } from "./follower.ts";
import { Leader } from "./leader.ts";
import type { ConfigurationAt } from "./configurations.ts";
import type {
  InstallSnapshot,
  Message,
  PreVote,
  RefusalReason,
  Request,
  RequestVote,
  TimeoutNow,
} from "./messages.ts";
import type { Role } from "./role.ts";
import { Server } from "./server.ts";
import { PreCandidate } from "./pre-candidate.ts";
import type { Configuration, LogIndex, NodeId, Restored, SnapshotMeta, Term } from "./types.ts";
import { answerPreVote, answerRequestVote, isDisruptive } from "./voting.ts";
import { isNodeId, isWellFormed } from "./well-formed.ts";

/**
 * No cluster holds this many elections between two messages. A term from further away is refused: one message with the highest
 * possible term would otherwise leave no next term to elect anybody in.
 */
const MAX_TERM_LEAP = 2 ** 20;

/**
 * One server of a Raft cluster, as a pure state machine: inputs go in by `step`, what is to be done comes out of `ready`. It reads no clock, no
 * randomness but its seed, and does no I/O; the same inputs give the same outputs.
 *
 * The protocol is that of Ongaro's dissertation "Consensus: Bridging Theory and Practice"; section numbers in this package are its.
 */
export class Raft {
  readonly #server: Server;
  #role: Role;
  #reportedRole: RoleChange;
  #reportedConfiguration: Configuration;
  #appliedBytes = 0;

  /**
   * A server as it starts, from what its storage restored. `applied` is the last entry its state machine reflects, the snapshot's at least.
   *
   * Throws ConfigError for a configuration that cannot work, InvariantError when storage and state machine do not fit together.
   */
  constructor(config: RaftConfig, restored: Restored, applied: LogIndex) {
    this.#server = new Server(resolveConfig(config), restored, applied);
    this.#role = new Follower(this.#server, this.#transitions);
    this.#reportedRole = this.#roleChange();
    this.#reportedConfiguration = this.#server.configuration;
    const { log } = this.#server;
    this.#appliedBytes = log.bytesBetween(log.snapshot.lastIncludedIndex + 1, applied);
  }

  /** Takes one input. Throws InvariantError when this server can no longer be trusted; then it must be stopped for good. */
  step(input: Input): void {
    switch (input.type) {
      case "tick":
        if (this.#server.storageBusy) this.#server.storageTicks += 1;
        return this.#role.tick();
      case "receive":
        return this.#receive(input.message);
      case "propose":
        invariant(input.command.length > 0, "an empty command is the leader's no-op, not a client's");
        return this.#role.propose(input.id, input.command);
      case "read":
        return this.#role.read(input);
      case "changeConfiguration":
        return this.#role.changeConfiguration(input);
      case "transferLeadership":
        return this.#role.transferLeadership(input.id, input.to);
      case "identified":
        return this.#role.identified(input.peer, input.incarnation);
      case "disconnected":
        if (input.peer === this.#server.leaderId) this.#server.timer.leaderIsGone();
        return;
      case "time":
        this.#server.now = input.now;
        return;
      case "written":
        this.#server.written();
        return this.#role.durable();
      case "applied":
        return this.#applied(input.index);
      case "restored":
        this.#server.restored();
        this.#appliedBytes = 0;
        return this.#role.durable();
      case "compacted":
        return this.#compacted(input.snapshot);
      case "snapshotSent":
        return this.#role.snapshotSent(input.to, input.snapshot);
      case "unreachable":
        return this.#role.unreachable(input.peer);
    }
  }

  /** What is to be done now, each thing handed out once; null when there is nothing. Call it after every step or group of steps. */
  ready(): Ready | null {
    const server = this.#server;
    this.#role.flush();
    const restore = server.takeRestore();
    const write = server.takeWrite();
    const committed = server.takeCommitted();
    const role = this.#takeRoleChange();
    const configuration = this.#takeConfigurationChange();
    const idle = restore === null && write === null && committed.length === 0;
    if (idle && role === null && configuration === null && !server.outbox.pending) return null;
    return { restore, write, committed, role, configuration, ...server.outbox.drain() };
  }

  /** Whether the data of this snapshot is worth staging. If not, stepping the header alone gives the right answer. */
  wantsSnapshot(header: InstallSnapshot): boolean {
    const { term, commitIndex, isRestoring } = this.#server;
    return (
      header.term >= term &&
      this.#whyRefused(header) === null &&
      header.lastIncludedIndex > commitIndex &&
      !isRestoring
    );
  }

  /** Bytes of applied entries that a snapshot taken now would make superfluous. */
  get compactableBytes(): number {
    return this.#appliedBytes;
  }

  /**
   * The members as of `index`, from the snapshot's to the last one applied: what a snapshot taken there has to keep. Null if no entry up to there says,
   * that is, if they are those of `RaftConfig.peers`.
   */
  configurationAt(index: LogIndex): Configuration | null {
    return this.#server.log.configurationAt(index);
  }

  /** A copy of all that this server knows. */
  inspect(): RaftState {
    const { id, term, votedFor, leaderId, commitIndex, lastApplied, log, stableHardState } = this.#server;
    const peers = new Map<NodeId, PeerState>();
    const leader = this.#role instanceof Leader ? this.#role : null;
    for (const follower of leader?.followers ?? []) peers.set(follower.id, follower.inspect());
    return {
      id,
      role: this.#role.name,
      term,
      votedFor,
      leaderId,
      commitIndex,
      lastApplied,
      lastLogIndex: log.lastIndex,
      lastLogTerm: log.lastTerm,
      stableIndex: log.stableIndex,
      stableHardState,
      snapshot: log.snapshot,
      baseIndex: log.baseIndex,
      logBytes: log.bytes,
      compactableBytes: this.#appliedBytes,
      uncommittedBytes: leader?.uncommittedBytes ?? 0,
      configuration: log.configuration,
      peers,
    };
  }

  #receive(message: Message): void {
    const { id } = this.#server;
    // A message that is not for this server is the transport's mistake. Whether its sender belongs to the cluster is not asked here: the one who
    // knows better than we who belongs may be just that sender (4.2.2).
    if (message.to !== id || message.from === id || !isNodeId(message.from)) return;
    switch (message.type) {
      case "requestVote":
      case "appendEntries":
      case "installSnapshot": {
        const reason = this.#whyRefused(message);
        return reason === null ? this.#request(message) : this.#refuse(message, reason);
      }
      case "preVote":
        if (isWellFormed(message)) this.#preVote(message);
        return;
      case "timeoutNow":
        if (isWellFormed(message)) this.#timeoutNow(message);
        return;
      case "readIndex":
        return this.#role.readFor(message.from, message.sequence);
      case "refusal":
        return;
      case "preVoteResponse":
      case "readIndexResponse":
      case "requestVoteResponse":
      case "appendEntriesResponse":
      case "installSnapshotResponse":
        if (!isWellFormed(message) || message.term > this.#server.term + MAX_TERM_LEAP) return;
        if (message.term > this.#server.term) this.#becomeFollower(message.term);
        return this.#role.receive(message);
    }
  }

  #request(request: Request): void {
    const server = this.#server;
    if (request.type === "requestVote" && this.#isDisruptive(request)) return this.#rejectStale(request);
    if (request.term > server.term) this.#becomeFollower(request.term);
    if (request.term < server.term) return this.#rejectStale(request);
    if (request.type === "requestVote") return answerRequestVote(server, request);
    // From here on the sender is this term's leader (3.4): a candidate gives up, a follower knows whom to name to clients.
    if (this.#role.name !== "follower") this.#become(new Follower(server, this.#transitions));
    server.heardFromLeader(request.from, request.sequence);
    if (request.type === "appendEntries") return answerAppendEntries(server, request);
    // A snapshot that adds nothing, or comes while another is being installed, is answered like one that is installed: the
    // answer waits until all that is durable, and the leader finds out with its next AppendEntries.
    if (this.wantsSnapshot(request)) server.beginRestore(request);
    server.sendWhenDurable({
      type: "installSnapshotResponse",
      from: server.id,
      to: request.from,
      term: server.term,
      sequence: request.sequence,
    });
  }

  #preVote(request: PreVote): void {
    if (request.term > this.#server.term + MAX_TERM_LEAP) return;
    answerPreVote(this.#server, request);
  }

  /** The leader's own term may have come to an end since, and this server may have left the voters. */
  #timeoutNow({ from, term, sequence }: TimeoutNow): void {
    const { term: current, leaderId, mayStand, staleRequests } = this.#server;
    if (term !== current || from !== leaderId || !mayStand) return;
    // Nobody waits for it any more.
    if (staleRequests.isStale(sequence)) return;
    this.#campaign(true);
  }

  /**
   * A vote of an earlier term changes no term, and is answered as always. One of this very term is not: we may have learned of the term from an answer,
   * while the leader of the last one, who hears nothing of it, serves reads because we are loyal (6.4.1).
   */
  #isDisruptive(request: RequestVote): boolean {
    return request.term >= this.#server.term && isDisruptive(this.#server, request);
  }

  /** Tells a leader or candidate of an earlier term that its time is over (Figure 3.1, rule 1 of every RPC), or a disruptive one that ours is not. */
  #rejectStale({ type, from, sequence }: Request): void {
    const { id, term } = this.#server;
    const answer = { from: id, to: from, term, sequence };
    switch (type) {
      case "requestVote":
        return this.#server.sendWhenDurable({ type: "requestVoteResponse", ...answer, voteGranted: false });
      case "appendEntries":
        return this.#server.sendWhenDurable({
          type: "appendEntriesResponse",
          ...answer,
          success: false,
          matchIndex: 0,
          conflictIndex: 0,
          conflictTerm: 0,
        });
      case "installSnapshot":
        return this.#server.sendWhenDurable({ type: "installSnapshotResponse", ...answer });
    }
  }

  #whyRefused(request: Request): RefusalReason | null {
    const { term, leaderId } = this.#server;
    if (!isWellFormed(request)) return "malformed";
    if (request.term > term + MAX_TERM_LEAP) return "termLeap";
    const claimsToLead = request.type !== "requestVote" && request.term === term;
    return claimsToLead && leaderId !== null && leaderId !== request.from ? "twoLeaders" : null;
  }

  #refuse({ from, sequence }: Request, reason: RefusalReason): void {
    const { id, term, outbox } = this.#server;
    const refusal = { type: "refusal", from: id, to: from, term, sequence, reason } as const;
    this.#server.sendWhenDurable(refusal);
    outbox.alerts.push({ type: "refused", refusal });
  }

  #applied(index: LogIndex): void {
    const { lastApplied, log } = this.#server;
    this.#server.applied(index);
    const from = Math.max(lastApplied, log.snapshot.lastIncludedIndex) + 1;
    this.#appliedBytes += log.bytesBetween(from, index);
  }

  #compacted(snapshot: SnapshotMeta): void {
    const { log, lastApplied, config } = this.#server;
    // The leader's snapshot was installed while this one was being written.
    if (snapshot.lastIncludedIndex <= log.snapshot.lastIncludedIndex) return;
    invariant(
      snapshot.lastIncludedIndex <= lastApplied,
      `a snapshot at ${snapshot.lastIncludedIndex} cannot be of a state that reflects ${lastApplied}`,
    );
    const { retainedBytes, maxRetainedBytes } = config;
    log.compact(snapshot, { retainedBytes, maxRetainedBytes, neededAfter: this.#role.neededAfter });
    this.#appliedBytes = log.bytesBetween(snapshot.lastIncludedIndex + 1, lastApplied);
  }

  // --- roles (Figure 3.3)

  readonly #transitions = {
    seekElection: (): void => {
      const { config } = this.#server;
      if (!config.preVote) return this.#campaign(false);
      this.#server.restartElectionTimer();
      this.#become(new PreCandidate(this.#server, this.#transitions));
    },
    campaign: (): void => this.#campaign(false),
    lead: (): void => this.#become(new Leader(this.#server, this.#transitions)),
    stepDown: (): void => {
      this.#server.leaderId = null;
      this.#server.restartElectionTimer();
      this.#become(new Follower(this.#server, this.#transitions));
    },
  };

  #campaign(isTransfer: boolean): void {
    const { id, term } = this.#server;
    this.#server.setHardState(term + 1, id);
    this.#server.restartElectionTimer();
    this.#become(new Candidate(this.#server, this.#transitions, isTransfer));
  }

  #becomeFollower(term: Term): void {
    const wasLeader = this.#role.name === "leader";
    this.#server.setHardState(term, null);
    // A leader had no timer running. The others keep theirs: a candidate that nobody votes for must not delay an election (3.4).
    if (wasLeader) this.#server.restartElectionTimer();
    this.#become(new Follower(this.#server, this.#transitions));
  }

  #become(role: Role): void {
    this.#role.leave();
    this.#role = role;
  }

  #roleChange(): RoleChange {
    const { term, knownLeaderId: leaderId } = this.#server;
    return { role: this.#role.name, term, leaderId };
  }

  #takeConfigurationChange(): ConfigurationAt | null {
    const { configuration } = this.#server.log;
    if (configuration.configuration === this.#reportedConfiguration) return null;
    this.#reportedConfiguration = configuration.configuration;
    return configuration;
  }

  #takeRoleChange(): RoleChange | null {
    const now = this.#roleChange();
    const { role, term, leaderId } = this.#reportedRole;
    if (now.role === role && now.term === term && now.leaderId === leaderId) return null;
    this.#reportedRole = now;
    return now;
  }
}
