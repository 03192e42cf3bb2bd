import type { Message, NodeId, RaftState, Ready, Term, WriteBatch } from "@eraft/core";
import type { Witness } from "../cluster.ts";
import type { Node } from "../node.ts";
import { mustHold, Violation } from "../violation.ts";
import { checkPromise } from "./durability.ts";
import { History } from "./history.ts";

/** What the checker remembers of one server between two of its steps. */
interface Memory {
  state: RaftState;
  /** The terms of its log as last handed to the disk, from index 1; shared prefixes below a snapshot are kept from the history. */
  terms: Term[];
  appliedUpTo: number;
}

/** Checks all safety properties after every step, each by what that step changed. */
export class Checker implements Witness {
  readonly history: History = new History();
  readonly #memories = new Map<NodeId, Memory>();
  readonly #nodes: () => readonly Node[];
  /** Counts what was checked, so that a run can tell that it did. */
  checks = 0;

  constructor(nodes: () => readonly Node[]) {
    this.#nodes = nodes;
  }

  started(node: Node): void {
    const state = node.inspect();
    const before = this.#memories.get(node.id)?.state;
    if (before !== undefined) {
      mustHold(
        state.term >= before.stableHardState.term,
        "Persistent State",
        () => `${node.id} restarts in term ${state.term}, its disk had ${before.stableHardState.term}`,
      );
    }
    const { snapshot, entries } = node.disk.restored();
    const terms: Term[] = [];
    for (let index = 1; index <= (snapshot?.lastIncludedIndex ?? 0); index += 1) {
      terms.push(this.history.committedTerm(index) ?? 0);
    }
    for (const entry of entries) terms.push(entry.term);
    this.#memories.set(node.id, { state, terms, appliedUpTo: node.machine.index });
  }

  sent(node: Node, message: Message): void {
    checkPromise(node, message);
    // A vote counts once it is sent: one that was lost with the disk's cache before that was never given.
    if (message.type === "requestVote") this.history.votes(node.id, message.term, node.id);
    if (message.type === "requestVoteResponse" && message.voteGranted) {
      this.history.votes(node.id, message.term, message.to);
    }
  }

  stepped(node: Node, ready: Ready | null): void {
    this.checks += 1;
    const memory = this.#memories.get(node.id);
    if (memory === undefined) throw new Error(`server ${node.id} was never started`);
    const state = node.inspect();
    checkOrder(state);
    checkMonotonic(memory.state, state);
    if (state.stableIndex < memory.state.stableIndex) this.#checkDropped(memory, state);
    if (ready !== null) this.#checkReady(node, memory, ready, state);
    const elected =
      state.role === "leader" && (memory.state.role !== "leader" || memory.state.term < state.term);
    if (elected) this.#checkElected(memory, state);
    if (state.role === "leader") this.#checkLeader(memory.state, state);
    if (node.machine.index !== memory.appliedUpTo) {
      memory.appliedUpTo = node.machine.index;
      this.history.reaches(node.id, node.machine);
    }
    memory.state = state;
  }

  #checkReady(node: Node, memory: Memory, { write, restore, committed }: Ready, state: RaftState): void {
    if (restore !== null) {
      const { lastIncludedIndex, lastIncludedTerm } = restore;
      const agrees = memory.terms[lastIncludedIndex - 1] === lastIncludedTerm;
      const suffix = agrees ? memory.terms.slice(lastIncludedIndex) : [];
      memory.terms = [];
      for (let at = 1; at <= lastIncludedIndex; at += 1) {
        memory.terms.push(this.history.committedTerm(at) ?? lastIncludedTerm);
      }
      memory.terms.push(...suffix);
    }
    if (write !== null) this.#checkWrite(memory, write, state);
    for (const entry of committed) this.history.commits(node.id, entry);
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

  /** Leader Completeness: a new leader has every committed entry. */
  #checkElected({ terms }: Memory, { id, term }: RaftState): void {
    this.history.leads(id, term);
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

  #checkLeader(before: RaftState, state: RaftState): void {
    const nodes = this.#nodes();
    for (const [peer, { matchIndex }] of state.peers) {
      const known = before.peers.get(peer)?.matchIndex ?? 0;
      if (matchIndex === known) continue;
      const disk = nodes[peer]?.disk;
      mustHold(
        disk !== undefined && (disk.lastIndex >= matchIndex || disk.hardState.term > state.term),
        "Match Is Durable",
        () => `${state.id} counts entry ${matchIndex} of ${peer}, whose disk ends at ${disk?.lastIndex}`,
      );
    }
    if (state.commitIndex > before.commitIndex && before.role === "leader") this.#checkCommit(state);
  }

  /** Whatever a leader commits, a majority of disks has. */
  #checkCommit({ id, term, commitIndex }: RaftState): void {
    this.history.leaderCommits(term, commitIndex);
    const nodes = this.#nodes();
    let holders = 0;
    for (const { disk } of nodes) {
      const known = disk.snapshotIndex >= commitIndex || disk.termAt(commitIndex) === term;
      if (known) holders += 1;
    }
    // Entries may have been replaced on a disk since it confirmed them only if a later leader lacked them, which is what must not happen.
    mustHold(
      2 * holders > nodes.length,
      "Committed On A Majority",
      () => `${id} commits ${commitIndex} in term ${term}, on ${holders} of ${nodes.length} disks`,
    );
  }
}

function checkOrder({
  id,
  baseIndex,
  snapshot,
  lastApplied,
  commitIndex,
  lastLogIndex,
  stableIndex,
}: RaftState): void {
  mustHold(
    baseIndex <= snapshot.lastIncludedIndex &&
      lastApplied <= commitIndex &&
      snapshot.lastIncludedIndex <= commitIndex &&
      commitIndex <= lastLogIndex &&
      stableIndex <= lastLogIndex,
    "State Order",
    () =>
      `${id}: base ${baseIndex}, snapshot ${snapshot.lastIncludedIndex}, applied ${lastApplied}, commit ${commitIndex}, stable ${stableIndex}, last ${lastLogIndex}`,
  );
}

function checkMonotonic(before: RaftState, now: RaftState): void {
  mustHold(
    now.term >= before.term && now.commitIndex >= before.commitIndex && now.lastApplied >= before.lastApplied,
    "Monotonic State",
    () => `${now.id}: term, commit or applied went back`,
  );
  const sameTerm = now.role === "leader" && before.role === "leader" && now.term === before.term;
  mustHold(
    !sameTerm || now.lastLogIndex >= before.lastLogIndex,
    "Leader Append-Only",
    () => `leader ${now.id} had ${before.lastLogIndex} entries and has ${now.lastLogIndex}`,
  );
}
