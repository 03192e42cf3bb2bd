import type { Entry, LogIndex, NodeId, SnapshotMeta, Term } from "@eraft/core";
import { digestOf, type MachineState } from "../cluster/machine.ts";
import { mustHold, Violation } from "../violation.ts";

/** More than any run has. */
const MAX_DISKS = 1024;

interface Committed {
  readonly term: Term;
  readonly digest: number;
}

/** What the cluster as a whole has decided; nobody may ever contradict it (dissertation, Figure 3.2). */
export class History {
  /** By index, from 1; filled by whoever commits an index first. */
  readonly #committed: Committed[] = [];
  readonly #states: number[] = [0];
  /** Every entry that ever was in a log, by index and term. */
  readonly #entries = new Map<number, { digest: number; prevTerm: Term }>();
  readonly #snapshots = new Map<LogIndex, Term>();
  readonly #leaders = new Map<Term, NodeId>();
  readonly #committedIn = new Map<Term, LogIndex>();
  #lastCommitted: LogIndex = 0;
  readonly #votes = new Map<number, NodeId>();

  /** The highest index anybody has applied. */
  get length(): LogIndex {
    return this.#committed.length;
  }

  committedTerm(index: LogIndex): Term | undefined {
    return index === 0 ? 0 : this.#committed[index - 1]?.term;
  }

  /** Election Safety: at most one leader in a term. */
  leads(node: NodeId, term: Term): void {
    const other = this.#leaders.get(term);
    mustHold(
      other === undefined || other === node,
      "Election Safety",
      () => `${node} and ${other} lead term ${term}`,
    );
    this.#leaders.set(term, node);
  }

  /** The leader of `term` has committed everything up to `index`. */
  leaderCommits(term: Term, index: LogIndex): void {
    this.#committedIn.set(term, index);
    this.#lastCommitted = Math.max(this.#lastCommitted, index);
  }

  /** The highest index that any leader has committed, whether or not anybody has been told. */
  get lastCommitted(): LogIndex {
    return this.#lastCommitted;
  }

  /** The highest index committed in a term before `term`: its leader must have it. (A late leader of an old term need not have what newer ones did.) */
  committedBefore(term: Term): LogIndex {
    let index = 0;
    for (const [earlier, committed] of this.#committedIn) {
      if (earlier < term) index = Math.max(index, committed);
    }
    return index;
  }

  /** One vote per term, across restarts. Who votes is a disk, not a server: that is what remembers. */
  votes(disk: number, term: Term, votedFor: NodeId): void {
    const key = term * MAX_DISKS + disk;
    const other = this.#votes.get(key);
    mustHold(
      other === undefined || other === votedFor,
      "One Vote",
      () => `disk ${disk} votes for ${votedFor} and ${other} in term ${term}`,
    );
    this.#votes.set(key, votedFor);
  }

  /** For whom that disk has voted; undefined if for nobody. */
  voteOf(disk: number, term: Term): NodeId | undefined {
    return this.#votes.get(term * MAX_DISKS + disk);
  }

  /**
   * Log Matching, by induction: if two entries with equal index and term always hold equal commands and have equal predecessors, then the logs
   * before them are equal.
   */
  logs(entry: Entry, prevTerm: Term): void {
    // No run has a million terms, so index and term fit into one exact number.
    const key = entry.index * 2 ** 20 + entry.term;
    const digest = digestOf(entry);
    const known = this.#entries.get(key);
    if (known === undefined) {
      this.#entries.set(key, { digest, prevTerm });
      return;
    }
    mustHold(
      known.digest === digest && known.prevTerm === prevTerm,
      "Log Matching",
      () => `two different entries ${entry.index} of term ${entry.term}`,
    );
  }

  /** A snapshot ends with an entry that was in a log, and all snapshots of one index with the same entry. */
  snapshots({ lastIncludedIndex: index, lastIncludedTerm: term }: SnapshotMeta): void {
    const known = this.#snapshots.get(index) ?? term;
    mustHold(
      known === term && this.#entries.has(index * 2 ** 20 + term),
      "Snapshot Meta",
      () =>
        `a snapshot ends with entry ${index} of term ${term}, which was in no log or is not the committed one`,
    );
    this.#snapshots.set(index, term);
  }

  /** State Machine Safety: the first to apply an index fixes what is there. True for the first. */
  commits(node: NodeId, entry: Entry): boolean {
    const { index, term } = entry;
    const digest = digestOf(entry);
    const known = this.#committed[index - 1];
    if (known === undefined) {
      if (index !== this.length + 1) {
        throw new Violation("Log Order", `${node} applies ${index} after ${this.length}`);
      }
      this.#committed.push({ term, digest });
      return true;
    }
    mustHold(
      known.term === term && known.digest === digest,
      "State Machine Safety",
      () => `${node} applies an entry of term ${term} at ${index}, another server one of term ${known.term}`,
    );
    return false;
  }

  /** Equal prefixes make equal states. */
  reaches(node: NodeId, { index, digest }: MachineState): void {
    const known = this.#states[index];
    if (known === undefined) this.#states[index] = digest;
    else
      mustHold(known === digest, "Equal States", () => `${node} has another state than others at ${index}`);
  }
}
