import type { Configuration, Entry, Member } from "@eraft/core";
import { getUint53, viewOf } from "./bytes.ts";
import { Database, type LevelDatabase, readingError } from "./database.ts";
import { type Predecessor, decodeEntry } from "./entry-record.ts";
import { LevelError } from "./errors.ts";
import { type Head, decodeHead } from "./head.ts";
import { decodeIdentity } from "./identity-record.ts";
import { FIRST_HEAD, IDENTITY, SECOND_HEAD, descriptorKey, entriesFrom } from "./keys.ts";
import { readDatabase } from "./read-database.ts";
import { decodeDescriptor } from "./snapshot-records.ts";

const ENTRIES_AT_ONCE = 1024;

/**
 * What is in a database, in lines for people: each record but chunks, entries of one term as one, each damage, and last what `open` would do. Changes no record;
 * but LevelDB itself, which has to be opened for it, tidies its files. Throws `LevelLockedError` while the database is in use, or `LevelFailedError`.
 */
export async function* dumpLevel(db: LevelDatabase): AsyncGenerator<string> {
  const database = await Database.take(db);
  try {
    yield await identityLine(database);
    const first = yield* headLines(database, "first", FIRST_HEAD);
    const second = yield* headLines(database, "second", SECOND_HEAD);
    const head = first ?? second;
    if (head !== null) yield* snapshotLines(database, head);
    yield* entryLines(database, head);
    yield await verdict(database);
  } finally {
    await database.release();
  }
}

async function identityLine(database: Database): Promise<string> {
  const bytes = await database.get(IDENTITY);
  if (bytes === undefined) return "identity  none";
  try {
    const { incarnation, starts, clusterId } = decodeIdentity(database.location, bytes);
    const cluster = clusterId === null ? "no cluster yet" : `cluster ${JSON.stringify(clusterId)}`;
    return `identity  disk ${incarnation}, started ${starts} times, ${cluster}`;
  } catch (error) {
    return problem("identity", error);
  }
}

async function* headLines(
  database: Database,
  which: string,
  key: Uint8Array,
): AsyncGenerator<string, Head | null> {
  const bytes = await database.get(key);
  if (bytes === undefined) {
    yield `${which} head  none`;
    return null;
  }
  try {
    const head = decodeHead(database.location, which, bytes);
    const { sequence, hardState, generation, lastIncludedIndex, lastIncludedTerm, lastLogIndex } = head;
    const snapshot =
      generation === 0
        ? "no snapshot"
        : `snapshot ${lastIncludedIndex} (term ${lastIncludedTerm}) of generation ${generation}`;
    const vote = `term ${hardState.term}, vote ${hardState.votedFor ?? "none"}`;
    yield `${which} head  batch ${sequence}: ${vote}, ${snapshot}, log ends at ${lastLogIndex}`;
    return head;
  } catch (error) {
    yield problem(`${which} head`, error);
    return null;
  }
}

async function* snapshotLines(database: Database, { generation }: Head): AsyncGenerator<string> {
  if (generation === 0) return;
  const bytes = await database.get(descriptorKey(generation));
  if (bytes === undefined) {
    yield "snapshot  MISSING";
    return;
  }
  try {
    const { meta, chunks, dataBytes } = decodeDescriptor(database.location, bytes);
    const { lastIncludedIndex, lastIncludedTerm, configuration } = meta;
    yield `snapshot  ${lastIncludedIndex} (term ${lastIncludedTerm}), ${dataBytes} bytes in ${chunks} chunks`;
    if (configuration !== undefined) yield `  ${describeConfiguration(configuration)}`;
  } catch (error) {
    yield problem("snapshot", error);
  }
}

async function* entryLines(database: Database, head: Head | null): AsyncGenerator<string> {
  const begin = head?.lastIncludedIndex ?? 0;
  let before: Predecessor = { index: begin, term: head?.lastIncludedTerm ?? 0, chain: head?.baseChain ?? 0 };
  let run: Entry[] = [];
  for await (const values of database.values(entriesFrom(begin + 1), ENTRIES_AT_ONCE)) {
    for (const value of values) {
      try {
        const { entry, chain } = decodeEntry(database.location, value, before);
        if (run.length > 0 && run[0]?.term !== entry.term) yield describeRun(run.splice(0));
        run.push(entry);
        before = { index: entry.index, term: entry.term, chain };
        if (entry.configuration === undefined) continue;
        yield describeRun(run.splice(0));
        yield `  ${describeConfiguration(entry.configuration)}`;
      } catch (error) {
        if (run.length > 0) yield describeRun(run.splice(0));
        yield problem("entry", error);
        before = believed(value, before);
      }
    }
    // Not all of a long log at once.
    if (run.length > 0) yield describeRun(run);
    run = [];
  }
}

/** After a damage: as if what the record says of itself were right. */
function believed(value: Uint8Array, before: Predecessor): Predecessor {
  if (value.length < 24) return { ...before, index: before.index + 1 };
  const view = viewOf(value);
  return { index: getUint53(view, 8), term: 0, chain: view.getUint32(0) };
}

async function verdict(database: Database): Promise<string> {
  try {
    const contents = await readDatabase(database);
    if (contents === null) return "open  would begin an empty log";
    const { head, entries } = contents;
    return `open  would give ${entries.length} entries after ${head.lastIncludedIndex}`;
  } catch (error) {
    const { code, message } = readingError(database.location, error);
    return `open  would refuse: ${code}, ${message}`;
  }
}

function describeRun(run: readonly Entry[]): string {
  const [first] = run;
  const last = run.at(-1);
  if (first === undefined || last === undefined) return "no entries";
  const bytes = run.reduce((sum, { command }) => sum + command.length, 0);
  const range = first === last ? `entry ${first.index}` : `entries ${first.index} to ${last.index}`;
  return `${range}  term ${first.term}, ${bytes} bytes`;
}

function describeConfiguration({ members }: Configuration): string {
  return members.length === 0 ? "no members" : `members ${members.map(describeMember).join("; ")}`;
}

/** In quotes and escaped: an address is what somebody typed, and the reader's terminal obeys control characters. */
function describeMember({ id, address, standing, incarnation }: Member): string {
  const where = address === "" ? "" : ` at ${JSON.stringify(address)}`;
  const disk = incarnation === null ? "" : `, disk ${JSON.stringify(incarnation)}`;
  return `${id} ${standing}${where}${disk}`;
}

function problem(what: string, error: unknown): string {
  if (error instanceof LevelError) return `${what}  DAMAGED or of a later version: ${error.message}`;
  throw error;
}
