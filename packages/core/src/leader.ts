import type { RequestId, RoleName } from "./effects.ts";
import { entryBytes } from "./log.ts";
import type { AppendEntriesResponse, Response } from "./messages.ts";
import type { Progress } from "./progress.ts";
import { majority, reachedByMajority } from "./quorum.ts";
import { ReadIndex } from "./read-index.ts";
import { Replication } from "./replication.ts";
import type { Role, Transitions } from "./role.ts";
import type { Server } from "./server.ts";
import type { LogIndex, NodeId, SnapshotMeta } from "./types.ts";

/** Takes commands, replicates them, decides what is committed (dissertation, 3.5 and 3.6; Figure 3.1, rules for leaders). */
export class Leader implements Role {
  readonly name: RoleName = "leader";
  readonly #server: Server;
  readonly #transitions: Transitions;
  readonly #replication: Replication;
  readonly #reads: ReadIndex;
  /** Proposals in the log and not yet committed. */
  readonly #proposals = new Map<LogIndex, RequestId>();
  #uncommittedBytes: number;
  #heartbeatTicks = 0;

  constructor(server: Server, transitions: Transitions) {
    this.#server = server;
    this.#transitions = transitions;
    this.#replication = new Replication(server);
    this.#reads = new ReadIndex(server);
    this.#uncommittedBytes = server.log.bytesBetween(server.commitIndex + 1, server.log.lastIndex);
    server.leaderId = server.id;
    // Entries of earlier terms are committed only through one of this term (3.6.2). Opening the term with one that does nothing
    // commits them, and lets reads begin (6.4), without waiting for a client.
    this.#append(server.config.noop);
  }

  /** What it knows of each follower. */
  get followers(): Iterable<Progress> {
    return this.#replication.followers;
  }

  tick(): void {
    const { heartbeatTicks, electionTimeoutTicksMin } = this.#server.config;
    this.#replication.tick();
    if (this.#server.storageTicks >= electionTimeoutTicksMin) {
      // Our heartbeats would keep a server whose disk works from taking over. What the others have committed is not applied here
      // before our own disk has it, which may be never: nobody is to wait for that.
      this.#transitions.stepDown();
      this.#server.giveUpProposals(this.#server.commitIndex);
      return;
    }
    // Nobody may hear us, while clients wait (6.2).
    if (this.#isCutOff()) {
      this.#transitions.stepDown();
      return;
    }
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
    this.#proposals.set(this.#append(command), id);
  }

  read(id: RequestId): void {
    this.#reads.add(id);
  }

  receive(response: Response): void {
    const follower = this.#replication.answered(response);
    if (follower === null) return;
    if (response.type === "appendEntriesResponse") this.#appendAnswered(follower, response);
    this.#confirmReads();
  }

  durable(): void {
    this.#commit();
  }

  flush(): void {
    const { commitIndex, log, term } = this.#server;
    // A leader knows the commit index of its term only once an entry of that term is committed (6.4, step 1; etcd #7331).
    if (log.termAt(commitIndex) === term && this.#reads.begin(commitIndex)) {
      this.#replication.heartbeat();
      this.#confirmReads();
    }
    this.#replication.sendEntries();
  }

  snapshotSent(to: NodeId, snapshot: SnapshotMeta | null): void {
    this.#replication.snapshotSent(to, snapshot);
  }

  unreachable(peer: NodeId): void {
    this.#replication.unreachable(peer);
  }

  leave(): void {
    const { outbox, leaderId: leader, id } = this.#server;
    const leaderId = leader === id ? null : leader;
    for (const request of this.#proposals.values()) {
      outbox.outcomes.push({ type: "unknown", id: request, leaderId });
    }
    for (const request of this.#reads.drain()) {
      outbox.outcomes.push({ type: "notLeader", id: request, leaderId });
    }
  }

  #append(command: Uint8Array): LogIndex {
    const { log, term } = this.#server;
    const entry = { index: log.lastIndex + 1, term, command };
    log.append(entry);
    this.#uncommittedBytes += entryBytes(entry);
    return entry.index;
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
    const { log, term, commitIndex } = this.#server;
    const matched = [log.stableIndex];
    for (const { matchIndex } of this.followers) matched.push(matchIndex);
    const index = reachedByMajority(matched);
    if (index <= commitIndex || log.termAt(index) !== term) return;
    this.#uncommittedBytes -= log.bytesBetween(commitIndex + 1, index);
    this.#server.commitUpTo(index);
    for (let at = commitIndex + 1; at <= index; at += 1) {
      const id = this.#proposals.get(at);
      if (id === undefined) continue;
      this.#proposals.delete(at);
      this.#server.committed(at, id);
    }
  }

  #confirmReads(): void {
    if (!this.#reads.isActive) return;
    // This server needs no message to know that it leads.
    const acknowledged = [Number.MAX_SAFE_INTEGER];
    for (const follower of this.followers) acknowledged.push(follower.acknowledged);
    this.#reads.confirm(reachedByMajority(acknowledged));
  }

  #isCutOff(): boolean {
    const { peers, electionTimeoutTicksMin } = this.#server.config;
    let heard = 1;
    for (const follower of this.followers) {
      if (follower.ticksSinceContact < electionTimeoutTicksMin) heard += 1;
    }
    return heard < majority(peers.length);
  }
}
