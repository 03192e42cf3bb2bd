import {
  type AppendEntries,
  type Configuration,
  type Entry,
  type LogIndex,
  type Message,
  type Outcome,
  Quorum,
  type RaftState,
  type Ready,
  type Term,
} from "@eraft/core";
import { assert, type History } from "./history.ts";
import type { Node } from "./node.ts";
import { textOf } from "./text.ts";

/** What must hold after every step of every server (dissertation, Figure 3.2, and the promises of the core). */
export class Invariants {
  readonly #history: History;
  readonly #nodes: readonly Node[];
  readonly #last = new Map<
    Node,
    {
      readonly life: number;
      readonly term: Term;
      readonly commitIndex: LogIndex;
      readonly applied: LogIndex;
      /** The term that it leads. */
      readonly leads: Term | null;
      readonly configuration: Configuration;
    }
  >();
  /** Where each AppendEntries ends, to judge its answer. */
  readonly #requests = new Map<string, { index: LogIndex; term: Term }>();

  constructor(history: History, nodes: readonly Node[]) {
    this.#history = history;
    this.#nodes = nodes;
  }

  check(node: Node, ready: Ready | null): void {
    const { state } = node;
    const last = this.#last.get(node);
    const wasLeader = last?.leads === state.term;
    const before = last?.configuration ?? state.configuration.configuration;
    this.#checkMonotonic(node, state);
    if (state.role === "leader") this.#checkLeader(node, state, before);
    // A leader that is removed goes in the step in which it commits that.
    else if (wasLeader && state.commitIndex > this.#history.commitIndex) this.#commit(node, state, before);
    assert(
      state.commitIndex <= this.#history.commitIndex,
      `${node.id} commits ${state.commitIndex} too early`,
    );
    this.#checkApplied(node);
    if (ready === null) return;
    this.#checkWritten(ready.write?.entries ?? []);
    for (const entry of ready.committed) {
      const { term, text } = this.#history.committedAt(entry.index);
      assert(
        entry.term === term && textOf(entry.command) === text,
        `${node.id} applies a wrong ${entry.index}`,
      );
      assert(node.disk.lastIndex >= entry.index, `${node.id} applies ${entry.index} before it is on disk`);
    }
    for (const message of ready.messages) this.#checkMessage(node, message);
    for (const outcome of ready.outcomes) this.#checkOutcome(node, state, ready, outcome);
    assert(
      ready.alerts.length === 0,
      `${node.id} raised an alert in a correct cluster: ${ready.alerts[0]?.type}`,
    );
  }

  #checkMonotonic(node: Node, state: RaftState): void {
    const { term, commitIndex, lastApplied, stableHardState, role, configuration } = state;
    assert(term >= node.disk.hardState.term, `${node.id} is in term ${term}, its disk beyond`);
    assert(
      stableHardState.term === node.disk.hardState.term &&
        stableHardState.votedFor === node.disk.hardState.votedFor,
      `${node.id} is wrong about what is durable`,
    );
    assert(lastApplied <= commitIndex, `${node.id} applied ${lastApplied}, committed ${commitIndex}`);
    const last = this.#last.get(node);
    if (last?.life === node.life) {
      assert(term >= last.term, `${node.id}: term ${term} after ${last.term}`);
      assert(commitIndex >= last.commitIndex, `${node.id}: commit ${commitIndex} after ${last.commitIndex}`);
      assert(lastApplied >= last.applied, `${node.id}: applied ${lastApplied} after ${last.applied}`);
    }
    const leads = role === "leader" ? term : null;
    this.#last.set(node, {
      life: node.life,
      term,
      commitIndex,
      applied: lastApplied,
      leads,
      configuration: configuration.configuration,
    });
  }

  #checkLeader(node: Node, state: RaftState, before: Configuration): void {
    const { term, commitIndex, peers } = state;
    const { disk } = node;
    if (this.#history.leads(term, node.id)) this.#checkComplete(node, term);
    if (commitIndex > this.#history.commitIndex) this.#commit(node, state, before);
    for (const [id, { matchIndex }] of peers) {
      const peer = this.#nodes[id]?.disk;
      if (peer === undefined || peer.hardState.term !== term) continue;
      assert(peer.lastIndex >= matchIndex, `${node.id} believes that ${id} holds ${matchIndex}`);
      const [ours, theirs] = [disk.termAt(matchIndex), peer.termAt(matchIndex)];
      if (ours === undefined || theirs === undefined) continue;
      assert(ours === theirs, `${node.id} believes that ${id} agrees at ${matchIndex}`);
    }
  }

  /** Leader completeness (3.6.3): what earlier leaders committed is in a new leader's log, and that log is on its disk. */
  #checkComplete({ id, disk }: Node, term: Term): void {
    for (let index = this.#history.commitIndex; index > disk.snapshotIndex; index -= 1) {
      const committed = this.#history.committedAt(index);
      if (committed.byTerm >= term) continue;
      assert(
        disk.termAt(index) === committed.term,
        `${id} leads term ${term} without committed entry ${index}`,
      );
    }
  }

  /** A commit needs an entry of the leader's own term on the disks of a majority (3.6.2), crashed or not. */
  #commit(node: Node, { term, commitIndex }: RaftState, configuration: Configuration): void {
    const holders = this.#nodes.filter(
      ({ disk }) => disk.termAt(commitIndex) === term || disk.snapshotIndex > commitIndex,
    );
    // By the configuration that was in force before this step: a leader that commits a joint one goes on to the next at once.
    const isMajority = new Quorum(configuration).isReachedBy((id) => holders.some((one) => one.id === id));
    assert(
      isMajority,
      `${node.id} commits ${commitIndex} in term ${term}; only [${holders.map(({ id }) => id).join(", ")}] hold it`,
    );
    const disk = holders[0]?.disk;
    for (const entry of disk?.entries ?? []) {
      if (entry.index > this.#history.commitIndex && entry.index <= commitIndex)
        this.#history.commits(entry, term);
    }
    assert(this.#history.commitIndex === commitIndex, `no disk has all entries up to ${commitIndex}`);
  }

  /** State machine safety: every server applies the same command at the same index. */
  #checkApplied({ id, applied }: Node): void {
    const last = applied.length;
    if (last === 0) return;
    assert(
      this.#history.committedAt(last).text === applied.at(-1),
      `${id} applied a wrong command at ${last}`,
    );
  }

  /** Log matching. What the first entry follows is on disk already and was compared when it came. */
  #checkWritten(entries: readonly Entry[]): void {
    for (const [at, entry] of entries.entries()) {
      const previous = entries[at - 1];
      if (previous !== undefined) this.#history.sees(entry, previous.term);
    }
  }

  /** Nothing leaves a server that its disk would not remember. */
  #checkMessage(node: Node, message: Message): void {
    const { disk, id } = node;
    const { hardState } = disk;
    const what = `${id} sends ${message.type} of term ${message.term}`;
    assert(hardState.term >= message.term, `${what}, on disk is term ${hardState.term}`);
    switch (message.type) {
      case "requestVote":
        assert(hardState.term === message.term && hardState.votedFor === id, `${what} before its own vote`);
        this.#history.votes(id, message.term, id);
        return;
      case "requestVoteResponse":
        if (!message.voteGranted) return;
        assert(
          hardState.term > message.term || hardState.votedFor === message.to,
          `${what} before the vote is on disk`,
        );
        this.#history.votes(id, message.term, message.to);
        return;
      case "appendEntries":
        return this.#checkAppend(message);
      case "appendEntriesResponse": {
        if (!message.success) return;
        const request = this.#requests.get(`${message.to} ${id} ${message.term} ${message.sequence}`);
        assert(request?.index === message.matchIndex, `${what}: a success nobody asked for`);
        // Of an earlier term: what it promised may have been overwritten by a later leader, so it never counts.
        if (hardState.term > message.term || disk.snapshotIndex > request.index) return;
        assert(disk.termAt(request.index) === request.term, `${what}: ${request.index} is not on disk`);
        return;
      }
      case "preVote":
      case "preVoteResponse":
      case "timeoutNow":
      case "readIndex":
      case "readIndexResponse":
      case "installSnapshot":
      case "installSnapshotResponse":
      case "refusal":
    }
  }

  #checkAppend(message: AppendEntries): void {
    const { from, to, term, sequence, prevLogIndex, prevLogTerm, entries, leaderCommit } = message;
    this.#history.leads(term, from);
    assert(
      leaderCommit <= prevLogIndex + entries.length,
      `leaderCommit ${leaderCommit} vouches for too much`,
    );
    let last = prevLogTerm;
    for (const entry of entries) {
      this.#history.sees(entry, last);
      last = entry.term;
    }
    const end = { index: prevLogIndex + entries.length, term: last };
    this.#requests.set(`${from} ${to} ${term} ${sequence}`, end);
  }

  #checkOutcome(node: Node, { lastApplied }: RaftState, { committed }: Ready, outcome: Outcome): void {
    const history = this.#history;
    history.settles(outcome.id, outcome.type);
    const text = history.proposals.get(outcome.id);
    switch (outcome.type) {
      case "committed": {
        const entry = committed.find(({ index }) => index === outcome.index);
        assert(entry !== undefined && textOf(entry.command) === text, `proposal ${outcome.id} confused`);
        return;
      }
      case "readable": {
        const asked = history.reads.get(outcome.id) ?? 0;
        assert(outcome.index >= asked, `stale read: ${outcome.index} when ${asked} was committed already`);
        assert(
          lastApplied >= outcome.index && node.applied.length >= outcome.index,
          `read before it is applied`,
        );
        return;
      }
      case "notLeader":
      case "busy":
      case "transferring":
      case "changePending":
      case "refused":
        if (text !== undefined) history.refused.add(text);
        return;
      case "unknown":
      case "changed":
      case "transferred":
      case "transferFailed":
    }
  }
}
