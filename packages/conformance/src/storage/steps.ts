import type { Configuration, Entry, SnapshotMeta, WriteBatch } from "@eraft/core";
import { sampleBytes } from "../common/bytes.ts";

/** One thing done to a storage. All steps resolve; what must be refused is asked for by `staleSnapshot`. */
export type Step =
  | { readonly type: "write"; readonly batch: WriteBatch }
  /** Creates a sink and fills it. Nothing stored changes before `commit`. */
  | { readonly type: "fill"; readonly meta: SnapshotMeta; readonly chunks: readonly Uint8Array[] }
  | { readonly type: "commit" }
  | { readonly type: "abort" }
  /** Asks for a snapshot that is not newer than the stored one. */
  | { readonly type: "staleSnapshot"; readonly meta: SnapshotMeta };

export function batch(part: Partial<WriteBatch>): WriteBatch {
  return { hardState: null, truncateFrom: null, entries: [], ...part };
}

/** Entries `first`, `first + 1`, ... of `term`, one for each size, with bytes that differ from entry to entry and from term to term. */
export function entries(first: number, term: number, ...sizes: readonly number[]): readonly Entry[] {
  return sizes.map((size, i) => ({
    index: first + i,
    term,
    command: sampleBytes(size, first + i + term * 13),
  }));
}

/** A configuration entry. */
export function configured(index: number, term: number, configuration: Configuration): Entry {
  return { index, term, command: new Uint8Array(0), configuration };
}

export function vote(term: number, votedFor: number | null): Step {
  return { type: "write", batch: batch({ hardState: { term, votedFor } }) };
}

export function append(...added: readonly Entry[]): Step {
  return { type: "write", batch: batch({ entries: added }) };
}

export function replace(truncateFrom: number, ...added: readonly Entry[]): Step {
  return { type: "write", batch: batch({ truncateFrom, entries: added }) };
}

export function metaOf(
  lastIncludedIndex: number,
  lastIncludedTerm: number,
  configuration: Configuration | null = null,
): SnapshotMeta {
  const position = { lastIncludedIndex, lastIncludedTerm };
  return configuration === null ? position : { ...position, configuration };
}

/** A whole snapshot: filled and committed. */
export function snapshot(index: number, term: number, ...sizes: readonly number[]): readonly [Step, Step] {
  return snapshotWith(null, index, term, ...sizes);
}

/** The same, with the members as of its end. */
export function snapshotWith(
  configuration: Configuration | null,
  index: number,
  term: number,
  ...sizes: readonly number[]
): readonly [Step, Step] {
  const chunks = sizes.map((size, i) => sampleBytes(size, index + i));
  return [{ type: "fill", meta: metaOf(index, term, configuration), chunks }, { type: "commit" }];
}

/** For the story of an error. */
export function describeStep(step: Step): string {
  switch (step.type) {
    case "write":
      return describeBatch(step.batch);
    case "fill":
    case "staleSnapshot": {
      const { lastIncludedIndex, lastIncludedTerm, configuration } = step.meta;
      const members = configuration === undefined ? "" : ` with ${configuration.members.length} members`;
      const what = `a snapshot at index ${lastIncludedIndex} of term ${lastIncludedTerm}${members}`;
      return step.type === "fill" ? `fill ${what}` : `ask for ${what}, which is not newer`;
    }
    case "commit":
      return "commit it";
    case "abort":
      return "abort it";
  }
}

function describeBatch({ hardState, truncateFrom, entries }: WriteBatch): string {
  const parts: string[] = [];
  if (hardState !== null) parts.push(`term ${hardState.term} and vote ${hardState.votedFor}`);
  if (truncateFrom !== null) parts.push(`truncation from ${truncateFrom}`);
  const [first, last] = [entries[0], entries.at(-1)];
  if (first !== undefined && last !== undefined) {
    const bytes = entries.reduce((sum, { command }) => sum + command.length, 0);
    parts.push(`entries ${first.index} to ${last.index} of term ${last.term} with ${bytes} bytes`);
    const named = entries.filter(({ configuration }) => configuration !== undefined);
    if (named.length > 0) parts.push(`configurations in ${named.map(({ index }) => index).join(" and ")}`);
  }
  return `write ${parts.join(", ") || "an empty batch"}`;
}
