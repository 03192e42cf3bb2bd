import type { ConfigurationRequest, ReadRequest, RequestId, RoleName } from "./effects.ts";
import { Lease } from "./lease.ts";
import { entryBytes } from "./entry-size.ts";
import type { AppendEntriesResponse, Message } from "./messages.ts";
import type { Progress } from "./progress.ts";
import { ReadIndex } from "./read-index.ts";
import { mayLead, Reconfiguration } from "./reconfiguration.ts";
import { Replication } from "./replication.ts";
import type { Role, Transitions } from "./role.ts";
import type { Server } from "./server.ts";
import { LeadershipTransfer } from "./transfer.ts";
import type { Configuration, Entry, LogIndex, NodeId, SnapshotMeta } from "./types.ts";

/**
 * Takes commands, replicates them, decides what is committed (dissertation, 3.5 and 3.6; Figure 3.1, rules for leaders). Members and its own
 * succession are matters of their own, see Reconfiguration and LeadershipTransfer.
 */
export class Leader implements Role {
  readonly name: RoleName = "leader";
  readonly #server: Server;
  readonly #transitions: Transitions;
  readonly #replication: Replication;
  readonly #reads: ReadIndex;
  readonly #lease: Lease | null;
  readonly #reconfiguration: Reconfiguration;
  readonly #transfer: LeadershipTransfer;
  /** Proposals in the log and not yet committed. */
  readonly #proposals = new Map<LogIndex, RequestId>();
  #uncommittedBytes: number;
  #heartbeatTicks = 0;

  constructor(server: Server, transitions: Transitions) {
    this.#server = server;
    this.#transitions = transitions;
    this.#replication = new Replication(server);
    this.#reads = new ReadIndex(server);
    const { leaseDuration, incarnation } = server.config;
    this.#lease = leaseDuration === null ? null : new Lease(leaseDuration);
    this.#transfer = new LeadershipTransfer(server);
    this.#reconfiguration = new Reconfiguration(server, {
      append: (configuration) => this.#appendConfiguration(configuration),
      follower: (id) => this.#replication.follower(id),
    });
    if (incarnation !== null) this.#reconfiguration.identified(server.id, incarnation);
    this.#uncommittedBytes = server.log.bytesBetween(server.commitIndex + 1, server.log.lastIndex);
    server.leaderId = server.id;
    server.timer.heardFromLeader();
    // Entries of earlier terms are committed only through one of this term (3.6.2). Opening the term with one that does nothing
    // commits them, and lets reads begin (6.4), without waiting for a client.
    this.#append({ command: server.config.noop });
  }

  get neededAfter(): LogIndex {
    return this.#replication.neededAfter;
  }

  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  /** What it knows of each follower. */
  get followers(): Iterable<Progress> {
    return this.#replication.followers;
  }

  tick(): void {
    const { heartbeatTicks, electionTimeoutTicksMin } = this.#server.config;
    this.#replication.tick();
    this.#reconfiguration.tick();
    this.#transfer.tick();
    if (this.#server.storageTicks >= electionTimeoutTicksMin) {
      // Our heartbeats would keep a server whose disk works from taking over. What the others have committed is not applied here
      // before our own disk has it, which may be never: nobody is to wait for that.
      this.#transfer.abdicate(this.followers);
      this.#transitions.stepDown();
      this.#server.giveUpProposals(this.#server.commitIndex);
      return;
    }
    // Nobody may hear us, while clients wait (6.2).
    if (this.#isCutOff()) {
      this.#transitions.stepDown();
      return;
    }
    this.#reconfiguration.advance();
    this.#heartbeatTicks += 1;
    if (this.#heartbeatTicks < heartbeatTicks) return;
    this.#heartbeatTicks = 0;
    this.#replication.heartbeat();
  }

  propose(id: RequestId, command: Uint8Array): void {
    const { outbox, config } = this.#server;
    if (this.#uncommittedBytes >= config.maxUncommittedBytes) {
      outbox.outcomes.push({ type: "busy", id });
      return;
    }
    if (this.#transfer.isActive) outbox.outcomes.push({ type: "transferring", id });
    else this.#proposals.set(this.#append({ command }), id);
  }

  read({ id, consistency }: ReadRequest): void {
    if (consistency === "lease" && this.#hasLease()) this.#server.readAt(id, this.#server.commitIndex);
    else this.#reads.add({ type: "client", id });
  }

  readFor(from: NodeId, sequence: number): void {
    this.#reads.add({ type: "server", from, sequence });
  }

  changeConfiguration(request: ConfigurationRequest): void {
    if (this.#transfer.isActive) {
      this.#server.outbox.outcomes.push({ type: "transferring", id: request.id });
    } else this.#reconfiguration.request(request);
  }

  transferLeadership(id: RequestId, to: NodeId | null): void {
    if (this.#transfer.isActive) this.#server.outbox.outcomes.push({ type: "transferring", id });
    else this.#transfer.begin(id, to, this.followers);
  }

  identified(peer: NodeId, incarnation: string): void {
    this.#reconfiguration.identified(peer, incarnation);
  }

  receive(response: Message): void {
    const follower = this.#replication.answered(response);
    if (follower === null) return;
    if (response.type === "appendEntriesResponse") this.#appendAnswered(follower, response);
    this.#confirm();
  }

  durable(): void {
    this.#commit();
  }

  flush(): void {
    this.#lease?.mark(this.#server.lastSequence, this.#server.now);
    if (this.#knowsCommitIndex && this.#reads.begin(this.#server.commitIndex)) {
      this.#replication.heartbeat();
      this.#confirm();
    }
    this.#replication.sendEntries();
    this.#transfer.flush();
  }

  snapshotSent(to: NodeId, snapshot: SnapshotMeta | null): void {
    this.#replication.snapshotSent(to, snapshot);
  }

  unreachable(peer: NodeId): void {
    this.#replication.unreachable(peer);
  }

  leave(): void {
    const { outbox, leaderId: leader, id, timer } = this.#server;
    timer.ledItself();
    const leaderId = leader === id ? null : leader;
    for (const request of [...this.#proposals.values(), ...this.#reconfiguration.drain()]) {
      outbox.outcomes.push({ type: "unknown", id: request, leaderId });
    }
    const transfer = this.#transfer.drain();
    if (transfer !== null) outbox.outcomes.push({ type: "transferred", id: transfer });
    for (const request of this.#reads.drain()) {
      outbox.outcomes.push({ type: "notLeader", id: request, leaderId });
    }
  }

  #append(content: Pick<Entry, "command" | "configuration">): LogIndex {
    const { log, term } = this.#server;
    const index = log.lastIndex + 1;
    const { command, configuration } = content;
    const entry: Entry =
      configuration === undefined ? { index, term, command } : { index, term, command, configuration };
    log.append(entry);
    this.#uncommittedBytes += entryBytes(entry);
    return entry.index;
  }

  /** In force from here on (4.1): also for the question of who has to have it before it is committed. */
  #appendConfiguration(configuration: Configuration): void {
    this.#append({ command: new Uint8Array(0), configuration });
    this.#replication.reconfigure();
  }

  #appendAnswered(follower: Progress, response: AppendEntriesResponse): void {
    if (response.success) {
      if (this.#replication.accepted(follower, response)) this.#commit();
    } else {
      this.#replication.refused(follower, response);
    }
  }

  /**
   * Commits what a majority holds durably, but only if the newest such entry is of this term: an entry of an earlier one may be on a majority
   * and still be overwritten (3.6.2 and Figure 3.7, shown there as Figure 8 in the paper).
   */
  #commit(): void {
    const { log, term, commitIndex, quorum, id: self } = this.#server;
    const index = quorum.reached((id) => (id === self ? log.stableIndex : this.#matchIndexOf(id)));
    if (index <= commitIndex || log.termAt(index) !== term) return;
    this.#uncommittedBytes -= log.bytesBetween(commitIndex + 1, index);
    this.#server.commitUpTo(index);
    for (let at = commitIndex + 1; at <= index; at += 1) {
      const id = this.#proposals.get(at);
      if (id === undefined) continue;
      this.#proposals.delete(at);
      this.#server.committed(at, id);
    }
    this.#reconfiguration.advance();
    this.#resignIfRemoved();
  }

  #matchIndexOf(id: NodeId): LogIndex {
    return this.#replication.follower(id)?.matchIndex ?? 0;
  }

  /** A leader knows the commit index of its term only once an entry of that term is committed (6.4, step 1; etcd #7331). */
  get #knowsCommitIndex(): boolean {
    const { log, commitIndex, term } = this.#server;
    return log.termAt(commitIndex) === term;
  }

  /** Answers may show that this server still leads, and until when nobody else can. */
  #confirm(): void {
    if (!this.#reads.isActive && this.#lease === null) return;
    const { quorum, id: self } = this.#server;
    // This server needs no message to know that it leads.
    const sequence = quorum.reached((id) =>
      id === self ? Number.MAX_SAFE_INTEGER : (this.#replication.follower(id)?.acknowledged ?? 0),
    );
    this.#reads.confirm(sequence);
    this.#lease?.answered(sequence);
  }

  #hasLease(): boolean {
    // Whoever is asked to take over is voted for in spite of all leases.
    if (this.#lease === null || this.#transfer.hasAsked || !this.#knowsCommitIndex) return false;
    return this.#lease.isValidAt(this.#server.now);
  }

  #isCutOff(): boolean {
    const { quorum, config, id: self } = this.#server;
    const hears = (id: NodeId): boolean => {
      const follower = this.#replication.follower(id);
      return follower !== null && follower.ticksSinceContact < config.electionTimeoutTicksMin;
    };
    return !quorum.isReachedBy((id) => id === self || hears(id));
  }

  /** A leader that the configuration no longer has leads until that is committed (4.2.2), and then tells everybody so and goes. */
  #resignIfRemoved(): void {
    if (!this.#reconfiguration.isSettled || mayLead(this.#server)) return;
    this.#replication.heartbeat();
    this.#transfer.abdicate(this.followers);
    this.#transitions.stepDown();
  }
}
