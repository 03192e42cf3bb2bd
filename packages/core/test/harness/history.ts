import type { Entry, LogIndex, NodeId, RequestId, Term } from "@eraft/core";
import { textOf } from "./text.ts";

interface Committed {
  readonly term: Term;
  readonly text: string;
  /** The term of the leader that committed it. */
  readonly byTerm: Term;
}

/** The facts of a run that no server may ever contradict, whatever happens to it. */
export class History {
  readonly #leaders = new Map<Term, NodeId>();
  readonly #votes = new Map<string, NodeId>();
  readonly #entries = new Map<number, { content: string; prevTerm: Term }>();
  readonly #committed: Committed[] = [];
  readonly proposals: Map<RequestId, string> = new Map();
  /** For each read how much was committed when it was asked. */
  readonly reads: Map<RequestId, LogIndex> = new Map();
  readonly outcomes: Map<RequestId, string> = new Map();
  /** Texts of proposals that were answered "not done and never will be". */
  readonly refused: Set<string> = new Set();

  get commitIndex(): LogIndex {
    return this.#committed.length;
  }

  committedAt(index: LogIndex): Committed {
    const entry = this.#committed[index - 1];
    assert(entry !== undefined, `entry ${index} counts as committed, but no leader has committed it`);
    return entry;
  }

  /** Election safety (3.2, Figure 3.2): at most one leader in a term. True the first time. */
  leads(term: Term, id: NodeId): boolean {
    const known = this.#leaders.get(term);
    assert(known === undefined || known === id, `election safety: ${known} and ${id} both lead term ${term}`);
    this.#leaders.set(term, id);
    return known === undefined;
  }

  /** One vote per server and term (3.4), across crashes. */
  votes(voter: NodeId, term: Term, candidate: NodeId): void {
    const key = `${voter} ${term}`;
    const known = this.#votes.get(key);
    assert(
      known === undefined || known === candidate,
      `${voter} voted for ${known} and ${candidate} in term ${term}`,
    );
    this.#votes.set(key, candidate);
  }

  /** Log matching: index and term determine the command and the entry before it, and so the whole prefix. */
  sees(entry: Entry, prevTerm: Term): void {
    const { index, term } = entry;
    const key = term * 1_000_000 + index;
    const known = this.#entries.get(key);
    const content = contentOf(entry);
    if (known === undefined) {
      this.#entries.set(key, { content, prevTerm });
      return;
    }
    assert(known.content === content, `log matching: two entries at index ${index} of term ${term}`);
    assert(known.prevTerm === prevTerm, `log matching: two predecessors of index ${index}, term ${term}`);
  }

  commits({ index, term, command }: Entry, byTerm: Term): void {
    if (index <= this.commitIndex) {
      const known = this.committedAt(index);
      assert(
        known.term === term && known.text === textOf(command),
        `two entries committed at ${index}: terms ${known.term} and ${term}`,
      );
      return;
    }
    assert(index === this.commitIndex + 1, `entry ${index} committed after ${this.commitIndex}`);
    const text = textOf(command);
    assert(!this.refused.has(text), `"${text}" was refused for good and then committed`);
    this.#committed.push({ term, text, byTerm });
  }

  settles(id: RequestId, outcome: string): void {
    assert(!this.outcomes.has(id), `request ${id}: "${outcome}" after "${this.outcomes.get(id)}"`);
    this.outcomes.set(id, outcome);
  }
}

/** What an entry says: two with equal contents cannot be told apart. */
function contentOf({ command, configuration }: Entry): string {
  return configuration === undefined ? textOf(command) : JSON.stringify(configuration);
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`broken: ${message}`);
}
