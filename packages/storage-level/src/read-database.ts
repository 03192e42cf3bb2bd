import type { Entry } from "@eraft/core";
import type { Database } from "./database.ts";
import { ENTRY_KEY_BYTES, type Predecessor, decodeEntry } from "./entry-record.ts";
import { LevelDamageError } from "./errors.ts";
import { type Head, decodeHead } from "./head.ts";
import {
  ALL_CHUNKS,
  ALL_RECORDS,
  FIRST_HEAD,
  SECOND_HEAD,
  chunksOf,
  descriptorKey,
  entriesFrom,
  generationOf,
} from "./keys.ts";
import { LogOutline } from "./log-outline.ts";
import { ChunkReader, type Descriptor, decodeDescriptor } from "./snapshot-records.ts";

/** Entries, or chunks, that are fetched at once. */
const ENTRIES_AT_ONCE = 512;
const CHUNKS_AT_ONCE = 8;

/** A snapshot that counts. */
export interface CommittedSnapshot {
  readonly generation: number;
  readonly descriptor: Descriptor;
}

/** What is in a database that is sound. */
export interface Contents {
  readonly head: Head;
  readonly outline: LogOutline;
  readonly entries: readonly Entry[];
  readonly snapshot: CommittedSnapshot | null;
  /** Higher than that of any snapshot of which there is a trace. */
  readonly nextGeneration: number;
}

/**
 * Reads everything that counts, and checks it. Null if the database has never been used. Changes nothing. Throws `LevelDamageError`,
 * `LevelFormatError`, or what the database throws.
 */
export async function readDatabase(database: Database): Promise<Contents | null> {
  const head = await readHead(database);
  if (head === null) return null;
  const snapshot = await readSnapshot(database, head);
  const { outline, entries } = await readEntries(database, head);
  const lastChunk = await database.lastKey(ALL_CHUNKS);
  const highest = lastChunk === null ? 0 : generationOf(lastChunk);
  return { head, outline, entries, snapshot, nextGeneration: Math.max(highest, head.generation) + 1 };
}

/**
 * Each batch writes both copies, at the two ends of the database, so they are equal. Suppose there were one. A block of a table rots that has the newest
 * head and nothing else that is missed, a read finds the one before in an older table, and the server has forgotten for whom it voted.
 */
async function readHead(database: Database): Promise<Head | null> {
  const { location } = database;
  const first = await database.get(FIRST_HEAD);
  const second = await database.get(SECOND_HEAD);
  if (first === undefined && second === undefined) {
    for (const range of ALL_RECORDS) {
      if (await database.hasAny(range)) throw new LevelDamageError(location, "the head is missing");
    }
    return null;
  }
  if (first === undefined) throw new LevelDamageError(location, "the first head is missing");
  if (second === undefined) throw new LevelDamageError(location, "the second head is missing");
  const head = decodeHead(location, "first", first);
  const { sequence } = decodeHead(location, "second", second);
  if (sequence !== head.sequence || Buffer.compare(first, second) !== 0) {
    const what = `the first head is that of batch ${head.sequence}, the second that of batch ${sequence}`;
    throw new LevelDamageError(location, what);
  }
  return head;
}

async function readSnapshot(database: Database, head: Head): Promise<CommittedSnapshot | null> {
  const { location } = database;
  const { generation, lastIncludedIndex, lastIncludedTerm } = head;
  if (generation === 0) return null;
  const bytes = await database.get(descriptorKey(generation));
  if (bytes === undefined) throw new LevelDamageError(location, "the descriptor of the snapshot is missing");
  const descriptor = decodeDescriptor(location, bytes);
  const { meta } = descriptor;
  if (meta.lastIncludedIndex !== lastIncludedIndex || meta.lastIncludedTerm !== lastIncludedTerm) {
    throw new LevelDamageError(location, "the descriptor is that of another snapshot than the head says");
  }
  const reader = new ChunkReader(location, generation, descriptor);
  let left = descriptor.chunks;
  for await (const values of database.values(chunksOf(generation), CHUNKS_AT_ONCE)) {
    // What may follow the last one is not a part of it.
    for (const value of values.slice(0, left)) reader.take(value);
    left -= values.length;
    if (left <= 0) break;
  }
  reader.end();
  return { generation, descriptor };
}

async function readEntries(
  database: Database,
  head: Head,
): Promise<{ readonly outline: LogOutline; readonly entries: readonly Entry[] }> {
  const { location } = database;
  const { lastIncludedIndex, lastIncludedTerm, baseChain } = head;
  const outline = new LogOutline({ index: lastIncludedIndex, term: lastIncludedTerm, chain: baseChain });
  const entries: Entry[] = [];
  let before: Predecessor = outline.base;
  for await (const values of database.values(entriesFrom(lastIncludedIndex + 1), ENTRIES_AT_ONCE)) {
    for (const value of inOnePiece(values)) {
      const { entry, chain } = decodeEntry(location, value, before);
      outline.push(entry.term, chain, value.length + ENTRY_KEY_BYTES);
      entries.push(entry);
      before = { index: entry.index, term: entry.term, chain };
    }
  }
  const { index, chain } = outline.last;
  if (index > head.lastLogIndex) {
    throw new LevelDamageError(
      location,
      `the log ends at entry ${index}, and its head says ${head.lastLogIndex}`,
    );
  }
  if (index < head.lastLogIndex)
    throw new LevelDamageError(location, `entry ${index + 1} of the log is missing`);
  if (chain !== head.lastChain)
    throw new LevelDamageError(location, `entry ${index} of the log is not the last one written`);
  return { outline, entries };
}

/** In one piece of memory: each value comes in one of its own, and a million of these would take several times the room. */
function inOnePiece(values: readonly Uint8Array[]): readonly Uint8Array[] {
  const all = new Uint8Array(values.reduce((total, { length }) => total + length, 0));
  let end = 0;
  return values.map((value) => {
    const from = end;
    end += value.length;
    all.set(value, from);
    return all.subarray(from, end);
  });
}
