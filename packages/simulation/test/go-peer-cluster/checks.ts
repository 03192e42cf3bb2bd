import type { Entry, RaftState, Ready } from "@eraft/core";
import { textOf } from "./machine.ts";

/** What must hold on our side whatever the Go nodes do. Throws on the first violation. */
export class CoreChecks {
  readonly #id: number;
  readonly #size: number;
  /** What this server has committed, over all its processes. */
  readonly #history = new Map<number, string>();
  #before: RaftState | null = null;
  #stable: RaftState["stableHardState"] = { term: 0, votedFor: null };

  constructor(id: number, size: number) {
    this.#id = id;
    this.#size = size;
  }

  /**
   * The process ended; what was durable must be there again. The commit index never is (Figure 3.1): a server that restarts among peers that
   * forgot cannot know that its log was committed, so then its history begins anew.
   */
  crashed(amongAmnesiacs: boolean): void {
    this.#before = null;
    if (amongAmnesiacs) this.#history.clear();
  }

  /** Which entries this server has committed, by index. */
  get history(): ReadonlyMap<number, string> {
    return this.#history;
  }

  observe({ messages, committed }: Ready, state: RaftState): void {
    const before = this.#before ?? { ...state, ...this.#stable, commitIndex: 0, lastLogIndex: 0 };
    this.#before = state;
    this.#stable = state.stableHardState;
    this.#require(state.term >= before.term, `term ${state.term} after ${before.term}`);
    const keptVote =
      state.term > before.term || before.votedFor === null || state.votedFor === before.votedFor;
    this.#require(keptVote, `vote ${state.votedFor} after ${before.votedFor} in term ${state.term}`);
    const { commitIndex } = state;
    this.#require(commitIndex >= before.commitIndex, `commit ${commitIndex} after ${before.commitIndex}`);
    this.#require(state.lastLogIndex >= commitIndex, `log ends at ${state.lastLogIndex}, below its commit`);
    for (const entry of committed) this.#record(entry);
    if (state.role === "leader" && commitIndex > before.commitIndex) this.#requireQuorum(state);
    const newest = committed.find(({ index }) => index === commitIndex);
    const commits = state.role === "leader" && before.role === "leader" && commitIndex > before.commitIndex;
    // Figure 3.7: an entry of an earlier term is committed only by one of the leader's own (3.6.2).
    if (commits && newest !== undefined)
      this.#require(
        newest.term === state.term,
        `a leader of term ${state.term} committed term ${newest.term}`,
      );
    for (const message of messages) this.#requireKept(message, state);
  }

  #record(entry: Entry): void {
    const print = fingerprint(entry);
    const known = this.#history.get(entry.index) ?? print;
    this.#require(known === print, `entry ${entry.index} was committed as ${known}, now as ${print}`);
    this.#history.set(entry.index, print);
  }

  /** A leader commits only what a majority holds durably, as far as it was told. */
  #requireQuorum({ commitIndex, stableIndex, peers }: RaftState): void {
    const matched = [stableIndex, ...[...peers.values()].map(({ matchIndex }) => matchIndex)];
    const holders = matched.filter((index) => index >= commitIndex).length;
    this.#require(holders > this.#size / 2, `entry ${commitIndex} committed with ${holders} copies`);
  }

  /** Nothing is promised that is not durable, and nothing sent that a Go node could trip over. */
  #requireKept(message: Ready["messages"][number], state: RaftState): void {
    const { stableHardState: stable, stableIndex } = state;
    if (message.type === "requestVoteResponse" && message.voteGranted) {
      const kept = stable.term > message.term || stable.votedFor === message.to;
      this.#require(kept && stable.term >= message.term, `a vote in term ${message.term} left too early`);
    } else if (message.type === "appendEntriesResponse" && message.success) {
      const kept = stable.term > message.term || stableIndex >= message.matchIndex;
      this.#require(kept, `success up to ${message.matchIndex} with ${stableIndex} durable`);
    } else if (message.type === "appendEntries") {
      const { leaderCommit, prevLogIndex, entries } = message;
      this.#require(
        leaderCommit <= prevLogIndex + entries.length,
        `leaderCommit ${leaderCommit} is not capped`,
      );
    }
  }

  #require(condition: boolean, what: string): asserts condition {
    if (!condition) throw new Error(`server ${this.#id}: ${what}`);
  }
}

export function fingerprint({ term, command }: { term: number; command: Uint8Array | null }): string {
  return `${term}:${command === null ? "" : textOf(command)}`;
}
