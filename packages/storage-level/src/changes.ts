import type { LogIndex, WriteBatch } from "@eraft/core";
import type { Operation } from "./database.ts";
import { CHAIN_START, ENTRY_KEY_BYTES, encodeEntry } from "./entry-record.ts";
import { type Head, encodeHead } from "./head.ts";
import { FIRST_HEAD, SECOND_HEAD, descriptorKey, entryKey } from "./keys.ts";
import type { LogOutline } from "./log-outline.ts";
import type { CommittedSnapshot } from "./read-database.ts";
import { encodeDescriptor } from "./snapshot-records.ts";

/** What one batch does to the database, and what is true once it is durable. */
export interface Changes {
  readonly operations: readonly Operation[];
  readonly head: Head;
  /** Brings the outline up to it. */
  readonly believe: () => void;
}

export const NO_HEAD: Head = {
  sequence: 0,
  hardState: { term: 0, votedFor: null },
  generation: 0,
  lastIncludedIndex: 0,
  lastIncludedTerm: 0,
  baseChain: CHAIN_START,
  lastLogIndex: 0,
  lastChain: CHAIN_START,
};

/** Of a write of which `problemOf` is null. */
export function appendChanges(head: Head, outline: LogOutline, batch: WriteBatch): Changes {
  const { hardState, truncateFrom, entries } = batch;
  let { index, chain } = outline.endBefore(truncateFrom);
  const operations: Operation[] = [];
  const added: { term: number; chain: number; bytes: number }[] = [];
  for (const entry of entries) {
    const record = encodeEntry(entry, chain);
    ({ chain } = record);
    ({ index } = entry);
    operations.push({ type: "put", key: entryKey(index), value: record.value });
    added.push({ term: entry.term, chain, bytes: record.value.length + ENTRY_KEY_BYTES });
  }
  // What the entries do not overwrite. `clear` could not be a part of the batch.
  operations.push(...removals(index + 1, outline.lastIndex));
  const next: Head = {
    ...head,
    sequence: head.sequence + 1,
    hardState: hardState === null ? head.hardState : { term: hardState.term, votedFor: hardState.votedFor },
    lastLogIndex: index,
    lastChain: chain,
  };
  return {
    operations: [...operations, ...headOperations(next)],
    head: next,
    believe: () => {
      if (truncateFrom !== null) outline.truncate(truncateFrom);
      for (const { term, chain, bytes } of added) outline.push(term, chain, bytes);
    },
  };
}

/**
 * The commit of a snapshot. The entries that it covers stay where they are: since the head says where the log begins they are nobody's, and are removed
 * afterwards. Those behind it, if it contradicts them, must go in the same batch: nothing in the head would tell them from entries that are lost.
 */
export function snapshotChanges(head: Head, outline: LogOutline, snapshot: CommittedSnapshot): Changes {
  const { generation, descriptor } = snapshot;
  const { lastIncludedIndex: index, lastIncludedTerm: term } = descriptor.meta;
  const end = outline.last;
  const covered = outline.keepsSuffixAfter(descriptor.meta) ? outline.at(index) : undefined;
  const base = covered ?? { index, term, chain: CHAIN_START };
  const next: Head = {
    ...head,
    sequence: head.sequence + 1,
    generation,
    lastIncludedIndex: index,
    lastIncludedTerm: term,
    baseChain: base.chain,
    lastLogIndex: covered === undefined ? index : end.index,
    lastChain: covered === undefined ? base.chain : end.chain,
  };
  const operations: Operation[] = [
    { type: "put", key: descriptorKey(generation), value: encodeDescriptor(descriptor) },
    ...(covered === undefined ? removals(index + 1, end.index) : []),
    ...headOperations(next),
  ];
  if (head.generation > 0) operations.push({ type: "del", key: descriptorKey(head.generation) });
  return {
    operations,
    head: next,
    believe: () => {
      if (covered === undefined) outline.truncate(index + 1);
      outline.beginAfter(base);
    },
  };
}

export function headOperations(head: Head): readonly Operation[] {
  const value = encodeHead(head);
  return [
    { type: "put", key: FIRST_HEAD, value },
    { type: "put", key: SECOND_HEAD, value },
  ];
}

function removals(from: LogIndex, to: LogIndex): readonly Operation[] {
  const count = Math.max(0, to - from + 1);
  return Array.from({ length: count }, (_, i) => ({ type: "del", key: entryKey(from + i) }) as const);
}
