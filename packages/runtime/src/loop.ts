import type {
  Input,
  InstallSnapshot,
  NodeId,
  Outcome,
  Raft,
  Ready,
  RoleChange,
  Storage,
  Transport,
  WriteBatch,
} from "@eraft/core";
import type { Applier } from "./applier.ts";
import {
  ChangePendingError,
  ChangeRefusedError,
  TransferFailedError,
  TransferringError,
} from "./change-errors.ts";
import { BusyError, InvariantBrokenError, NotLeaderError, StorageFailedError } from "./errors.ts";
import type { Handovers } from "./handovers.ts";
import type { Host } from "./host.ts";
import type { Identities } from "./identities.ts";
import { Inbox } from "./inbox.ts";
import type { Members } from "./members.ts";
import type { Peers } from "./peers.ts";
import type { Requests } from "./requests.ts";
import { Waiting } from "./waiting.ts";
import type { LocalSnapshots } from "./snapshots/local.ts";
import type { OutgoingSnapshots } from "./snapshots/outgoing.ts";

declare function queueMicrotask(run: () => void): void;

/** What the loop does its work with. */
export interface Tools {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly applier: Applier;
  readonly requests: Requests;
  readonly peers: Peers;
  readonly local: LocalSnapshots;
  readonly outgoing: OutgoingSnapshots;
  readonly members: Members;
  readonly identities: Identities;
  readonly handovers: Handovers;
  /** Whether the core needs to know what time it is. */
  readonly hasLeases: boolean;
}

/**
 * Feeds the core and does what it says. One turn takes everything that has arrived since the last one; what arrives while a write or
 * an apply is under way becomes one larger batch. Where the host has many sockets that all have something, a turn comes after them all: one message to each
 * follower and one write, not one for every socket.
 */
export class Loop {
  readonly #host: Host;
  readonly #tools: Tools;
  readonly #inbox = new Inbox();
  #isScheduled = false;
  #writing: Promise<void> = Promise.resolve();
  #staged: { readonly header: InstallSnapshot; readonly accept: (isAccepted: boolean) => void } | null = null;
  #leaderId: NodeId | null = null;

  constructor(host: Host, tools: Tools) {
    this.#host = host;
    this.#tools = tools;
  }

  /** Who leads, as far as this server can tell: nobody once that one has been silent for an election timeout. */
  get leaderId(): NodeId | null {
    return this.#leaderId;
  }

  push(input: Input): void {
    if (this.#host.isClosed()) return;
    this.#inbox.push(input);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule();
  }

  /**
   * Steps the header of a snapshot whose data is staged, one at a time. Resolves to true if the core wants it installed: from then on
   * it waits for `restored`.
   */
  offer(header: InstallSnapshot): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#staged = { header, accept: resolve };
    if (this.#host.isClosed()) this.close();
    else this.push({ type: "receive", message: header });
    return promise;
  }

  /** Nothing is stepped any more. */
  close(): void {
    this.#staged?.accept(false);
    this.#staged = null;
  }

  /** Resolves when no write is under way. */
  async writesDone(): Promise<void> {
    await this.#writing;
  }

  #schedule(): void {
    const { clock } = this.#host;
    const turn = (): void => this.#turn();
    if (clock.soon === undefined) queueMicrotask(turn);
    else clock.soon(turn);
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#host.isClosed()) return;
    try {
      this.#act(this.#decide());
    } catch (error) {
      // Whatever threw, its state is half changed and cannot be trusted. Out of here it would end the process.
      this.#host.fail(new InvariantBrokenError(error));
    }
  }

  #decide(): Ready | null {
    const { raft, local, hasLeases } = this.#tools;
    const staged = this.#staged;
    this.#staged = null;
    // After everything arrived that is stepped now: no read may rest on a lease that ended before it came.
    if (hasLeases) raft.step({ type: "time", now: this.#host.clock.now() });
    for (const input of this.#inbox.drain()) this.#step(input);
    // Before `ready` hands out the next entries: the state machine stands still, at exactly `lastApplied`.
    local.consider(raft.compactableBytes);
    if (this.#host.isClosed()) {
      staged?.accept(false);
      return null;
    }
    const ready = raft.ready();
    const restore = ready?.restore ?? null;
    if (restore !== null && restore !== staged?.header)
      throw new Error("a snapshot is to be installed that is not here");
    staged?.accept(restore !== null);
    return ready;
  }

  #step(input: Input): void {
    const { raft, requests } = this.#tools;
    // Aborted before it got here: it was surely not done.
    if ("id" in input && !requests.step(input.id)) return;
    raft.step(input);
  }

  #act(ready: Ready | null): void {
    if (ready === null) return;
    const { transport, outgoing, members } = this.#tools;
    // First: some of the messages may be for a member that is new.
    if (ready.configuration !== null) members.follow(ready.configuration);
    for (const message of ready.messages) transport.send(message);
    if (ready.write !== null) this.#writing = this.#write(ready.write, ready.messages.length > 0);
    const waiting = new Waiting(ready.committed);
    for (const outcome of ready.outcomes) this.#answer(outcome, waiting);
    if (ready.committed.length > 0) void this.#apply(ready.committed, waiting);
    for (const request of ready.snapshots) outgoing.send(request);
    if (ready.role !== null) this.#reportRole(ready.role);
    if (ready.configuration !== null) members.report();
    for (const alert of ready.alerts) {
      this.#host.logger.warn(`Alert: ${alert.type}. No correct cluster does this.`, alert);
      this.#host.events.emit("alert", alert);
    }
  }

  /**
   * A leader writes its entries while its followers do (dissertation, 10.2.1). Sockets send when the task that wrote to them has ended, and a storage may write before that: then
   * every command would wait for two disks, one after the other. So where messages go out, and the host has such a place, the disk comes after them.
   */
  async #write(batch: WriteBatch, isAfterMessages: boolean): Promise<void> {
    const { clock, turns } = this.#host;
    if (isAfterMessages && clock.soon !== undefined) await turns.next();
    try {
      await this.#tools.storage.write(batch);
    } catch (error) {
      this.#host.fail(new StorageFailedError(error));
      return;
    }
    this.push({ type: "written" });
  }

  async #apply(entries: Ready["committed"], waiting: Waiting): Promise<void> {
    if (!(await this.#tools.applier.apply(entries, waiting))) return;
    const { lastApplied } = this.#tools.applier;
    this.push({ type: "applied", index: lastApplied });
    this.#host.events.emit("commit", { lastApplied });
  }

  #answer(outcome: Outcome, waiting: Waiting): void {
    const { requests, peers, handovers } = this.#tools;
    const { id } = outcome;
    switch (outcome.type) {
      case "committed":
        requests.markCommitted(id);
        waiting.add(outcome.index, id);
        return;
      case "readable":
        return requests.readable(id);
      case "notLeader":
        return requests.reject(id, new NotLeaderError(outcome.leaderId, peers.addressOf(outcome.leaderId)));
      case "busy":
        return requests.reject(id, new BusyError());
      case "transferring":
        return requests.reject(id, new TransferringError());
      case "changePending":
        return requests.reject(id, new ChangePendingError());
      case "refused":
        return requests.reject(id, new ChangeRefusedError(outcome.reason));
      case "changed":
        return requests.resolve(id, peers.membershipOf(outcome));
      case "transferred":
        return handovers.ledNoMore(id);
      case "transferFailed":
        return requests.reject(id, new TransferFailedError(outcome.reason));
      case "unknown":
        return requests.rejectUnknown(id, "This server lost its leadership.");
    }
  }

  #reportRole(change: RoleChange): void {
    const { events, logger } = this.#host;
    const { leaderId, term, role } = change;
    logger.info(`Now ${role} in term ${term}; leader: ${leaderId ?? "none known"}.`, change);
    this.#tools.identities.roleChanged(change);
    this.#tools.handovers.roleChanged(change);
    events.emit("role", change);
    if (leaderId === this.#leaderId) return;
    this.#leaderId = leaderId;
    events.emit("leader", { leaderId, leaderAddress: this.#tools.peers.addressOf(leaderId), term });
  }
}
