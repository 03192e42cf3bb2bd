import type {
  Alert,
  Member,
  Message,
  NodeId,
  Outcome,
  RaftState,
  Ready,
  Term,
  WriteBatch,
} from "@eraft/core";
import type { RequestAction, Witness } from "../cluster/cluster.ts";
import type { Disk } from "../cluster/disk.ts";
import { digestOfMembers } from "../cluster/machine.ts";
import type { Node } from "../cluster/node.ts";
import { mustHold, Violation } from "../violation.ts";
import { checkPromise } from "./durability.ts";
import { History } from "./history.ts";
import { checkLease, mayUseLease } from "./leases.ts";
import { isDecidedBy } from "./majorities.ts";
import { checkChanged, checkNewConfiguration, Memberships } from "./memberships.ts";
import { checkMonotonic, checkOrder } from "./order.ts";
import { Requests } from "./requests.ts";

/** What the checker remembers of one server between two of its steps. */
interface Memory {
  /** The number of the disk it is about. */
  readonly disk: number;
  state: RaftState;
  /** The terms of its log as last handed to the disk, from index 1; shared prefixes below a snapshot are kept from the history. */
  terms: Term[];
  appliedUpTo: number;
}

/** Checks all safety properties after every step, each by what that step changed. */
export class Checker implements Witness {
  readonly history: History = new History();
  readonly requests: Requests = new Requests();
  #memberships: Memberships | null = null;
  readonly #memories = new Map<NodeId, Memory>();
  readonly #nodes: () => readonly Node[];
  /** A read that a leader with a lease is about to answer. */
  #leaseRead: RequestAction | null = null;

  constructor(nodes: () => readonly Node[]) {
    this.#nodes = nodes;
  }

  get memberships(): Memberships {
    if (this.#memberships === null) throw new Error("no server was ever started");
    return this.#memberships;
  }

  started(node: Node): void {
    const { state, disk } = node;
    // The first one is a founder, and knows them all.
    this.#memberships ??= new Memberships(state.configuration.configuration);
    const before = this.#memories.get(node.id);
    if (before?.disk === disk.number) this.#checkRestarted(node, before.state);
    const { snapshot, entries } = disk.restored();
    if (snapshot !== null) this.memberships.snapshots(node.id, snapshot);
    const terms = this.#committedTerms(snapshot?.lastIncludedIndex ?? 0, 0);
    for (const entry of entries) terms.push(entry.term);
    this.#memories.set(node.id, { disk: disk.number, state, terms, appliedUpTo: node.machine.index });
  }

  asked(node: Node, request: RequestAction): void {
    this.requests.asked(node.id, request, this.history.lastCommitted);
    if (mayUseLease(node, request)) this.#leaseRead = request;
  }

  crashed(node: Node): void {
    this.requests.crashed(node.id);
  }

  sent(node: Node, message: Message): void {
    const { disk } = node;
    checkPromise(node, message);
    // A vote counts once it is sent: one that was lost with the disk's cache before that was never given.
    if (message.type === "requestVote") this.history.votes(disk.number, message.term, node.id);
    if (message.type === "requestVoteResponse" && message.voteGranted) {
      this.history.votes(disk.number, message.term, message.to);
    }
    if (message.type === "installSnapshot") {
      this.history.snapshots(message);
      this.memberships.snapshots(node.id, message);
    }
  }

  stepped(node: Node, before: RaftState, ready: Ready | null): void {
    const memory = this.#memories.get(node.id);
    if (memory === undefined) throw new Error(`server ${node.id} was never started`);
    const { state } = node;
    if (this.#leaseRead !== null) {
      checkLease(before, this.#leaseRead, { ready, nodes: this.#nodes() });
      this.#leaseRead = null;
    }
    checkOrder(state);
    checkMonotonic(before, state);
    checkNewConfiguration(before, state, (index) => memory.terms[index - 1]);
    if (state.stableIndex < before.stableIndex) this.#checkDropped(memory, state);
    if (ready !== null) this.#checkReady(node, memory, ready);
    const leads = state.role === "leader";
    if (leads && (before.role !== "leader" || before.term < state.term)) this.#checkElected(memory, state);
    if (leads) this.#checkLeader(before, state);
    if (node.machine.index !== memory.appliedUpTo) {
      memory.appliedUpTo = node.machine.index;
      this.history.reaches(node.id, node.machine);
    }
    memory.state = state;
  }

  #checkRestarted({ id, state, disk }: Node, before: RaftState): void {
    mustHold(
      state.term >= before.stableHardState.term,
      "Persistent State",
      () => `${id} restarts in term ${state.term}, its disk had ${before.stableHardState.term}`,
    );
    const { index, configuration } = state.configuration;
    const stored = disk.configuration;
    mustHold(
      stored === null
        ? index === 0
        : index === stored.index && digestOfMembers(configuration) === digestOfMembers(stored.configuration),
      "Persistent Configuration",
      () => `${id} restarts with the configuration of ${index}, its disk has that of ${stored?.index}`,
    );
  }

  #checkReady(node: Node, memory: Memory, ready: Ready): void {
    const { write, restore, committed, outcomes, alerts } = ready;
    if (restore !== null) {
      const { lastIncludedIndex, lastIncludedTerm } = restore;
      const agrees = memory.terms[lastIncludedIndex - 1] === lastIncludedTerm;
      const suffix = agrees ? memory.terms.slice(lastIncludedIndex) : [];
      memory.terms = this.#committedTerms(lastIncludedIndex, lastIncludedTerm);
      memory.terms.push(...suffix);
    }
    if (write !== null) this.#checkWrite(memory, write, node.state);
    for (const entry of committed) {
      const isNews = this.history.commits(node.id, entry);
      const { configuration } = entry;
      if (isNews && configuration !== undefined) this.memberships.commits(entry.index, configuration);
    }
    for (const outcome of outcomes) this.#checkOutcome(node, outcome);
    for (const alert of alerts) this.#checkAlert(node, alert);
  }

  #checkWrite(memory: Memory, { truncateFrom, entries }: WriteBatch, { id, role }: RaftState): void {
    if (truncateFrom !== null) {
      mustHold(
        role !== "leader",
        "Leader Append-Only",
        () => `leader ${id} drops entries from ${truncateFrom} on`,
      );
      memory.terms.length = Math.min(memory.terms.length, truncateFrom - 1);
    }
    for (const entry of entries) {
      if (entry.index !== memory.terms.length + 1) {
        throw new Violation("Log Order", `${id} writes entry ${entry.index} after ${memory.terms.length}`);
      }
      this.history.logs(entry, memory.terms.at(-1) ?? 0);
      memory.terms.push(entry.term);
    }
  }

  #checkOutcome({ id, state, machine }: Node, outcome: Outcome): void {
    const { action, committed } = this.requests.settles(id, outcome);
    if (outcome.type === "transferred") {
      mustHold(state.role !== "leader", "Transferred", () => `${id} has handed over, and leads`);
    }
    if (outcome.type === "readable") {
      // More than clients can notice, who know only of what was acknowledged: whoever still leads has all that is committed (6.4).
      mustHold(
        machine.index >= outcome.index && outcome.index >= committed,
        "Linearizable Read",
        () =>
          `read ${outcome.id} at ${id} is of ${outcome.index}, ${committed} was committed before; the state is of ${machine.index}`,
      );
    }
    if (outcome.type === "changed" && action.type === "change") checkChanged(state, outcome, action.changes);
  }

  /** In a correct cluster nobody has a reason to complain, but about a disk that was really lost. */
  #checkAlert({ id }: Node, alert: Alert): void {
    const isTrue = alert.type === "followerLostLog" && this.#nodes()[alert.peer]?.hasLostDisk === true;
    mustHold(isTrue, "Nobody Complains", () => `${id}: ${JSON.stringify(alert)}`);
  }

  /**
   * What is dropped was not committed in this term or before, so no leader since may lack it. It may have been committed in a later term:
   *
   * 1. C wins term 8 and does not know it: the votes are on their way. A and D, each alone, hold entry 48 of term 6.
   * 2. D wins term 10, and commits entry 48 with B and E, who have it now.
   * 3. The votes arrive. C leads term 8 and replaces entry 48 of A, who has heard of nothing later.
   *
   * A is no part of the majority that has entry 48, and gets it again from D. Checked when it is decided: by the time it is written, A may be in term 10.
   */
  #checkDropped({ state: before, terms }: Memory, { id, term, stableIndex }: RaftState): void {
    const { history } = this;
    const last = Math.min(before.stableIndex, history.length, history.committedBefore(term + 1));
    for (let index = stableIndex + 1; index <= last; index += 1) {
      mustHold(
        terms[index - 1] !== history.committedTerm(index),
        "Committed Is For Ever",
        () => `${id} drops the committed entry ${index} of term ${terms[index - 1]} in term ${term}`,
      );
    }
  }

  /** Elected by who may elect, and Leader Completeness: a new leader has every committed entry. */
  #checkElected({ terms }: Memory, { id, term, configuration }: RaftState): void {
    this.history.leads(id, term);
    mustHold(
      isDecidedBy(configuration.configuration, (elector) => this.#votesFor(elector, id, term)),
      "Elected By Majorities",
      () => `${id} leads term ${term} by ${JSON.stringify(configuration.configuration)}`,
    );
    const index = this.history.committedBefore(term);
    // What is committed and applied nowhere yet has no entry in the history to compare with; its length must do.
    const committed = this.history.committedTerm(index) ?? terms[index - 1];
    mustHold(
      // With Log Matching, the last committed entry stands for all before it.
      terms.length >= index && (index === 0 || terms[index - 1] === committed),
      "Leader Completeness",
      () => `${id} leads term ${term} without the committed entry ${index}`,
    );
  }

  #votesFor({ id: voter, incarnation }: Member, candidate: NodeId, term: Term): boolean {
    const disk = this.#nodes()[voter]?.diskNamed(incarnation);
    if (disk === undefined) return false;
    // Nobody has to be told of one's own vote, if one is enough.
    const ownVote = voter === candidate && disk.hardState.term === term && disk.hardState.votedFor === voter;
    return ownVote || this.history.voteOf(disk.number, term) === candidate;
  }

  #checkLeader(before: RaftState, state: RaftState): void {
    const { members } = state.configuration.configuration;
    for (const [peer, { matchIndex }] of state.peers) {
      const known = before.peers.get(peer)?.matchIndex ?? 0;
      if (matchIndex === known) continue;
      const node = this.#nodes()[peer];
      const incarnation = members.find(({ id }) => id === peer)?.incarnation ?? null;
      // While nobody knows by which disk, it may be one that was lost since it confirmed.
      const disks = (node?.disks ?? []).filter(({ name }) => incarnation === null || name === incarnation);
      const isDurable = ({ lastIndex, hardState }: Disk): boolean =>
        lastIndex >= matchIndex || hardState.term > state.term;
      mustHold(
        disks.some(isDurable),
        "Match Is Durable",
        () =>
          `${state.id} counts entry ${matchIndex} of ${peer}, whose disk ends at ${disks.at(-1)?.lastIndex}`,
      );
    }
    if (state.commitIndex > before.commitIndex && before.role === "leader") {
      this.#checkCommit(state, before);
    }
  }

  /**
   * Whatever a leader commits, a majority of disks has, in each half of the configuration. That was the one of before this step: a leader that
   * commits a joint configuration goes on to the next one at once.
   */
  #checkCommit({ id, term, commitIndex }: RaftState, { configuration }: RaftState): void {
    this.history.leaderCommits(term, commitIndex);
    const holds = ({ id: server, incarnation }: Member): boolean => {
      const disk = this.#nodes()[server]?.diskNamed(incarnation);
      // Entries may have been replaced on a disk since it confirmed them only if a later leader lacked them, which is what must not happen.
      return disk !== undefined && (disk.snapshotIndex >= commitIndex || disk.termAt(commitIndex) === term);
    };
    mustHold(
      isDecidedBy(configuration.configuration, holds),
      "Committed On A Majority",
      () => `${id} commits ${commitIndex} in term ${term} by ${JSON.stringify(configuration.configuration)}`,
    );
  }

  /** The terms of the log up to `index`, as far as known; `last` stands for what is not. */
  #committedTerms(index: number, last: Term): Term[] {
    return Array.from({ length: index }, (_, at) => this.history.committedTerm(at + 1) ?? last);
  }
}
