import { KvDiskError } from "../errors.ts";
import { History } from "../state/history.ts";
import type { StateLimits } from "../state/limits.ts";
import type { StateBesideItems } from "../state/snapshot-reader.ts";
import { emptySessions } from "../state/state.ts";
import type { Disk } from "./disk.ts";
import { type Head, checkHead, decodeHead } from "./head.ts";
import {
  ALL,
  HEAD_KEY,
  batchRange,
  clientIdIn,
  STATES,
  clientRange,
  generationIn,
  historyRange,
  numberIn,
  otherBatches,
  otherGenerations,
  sessionRange,
} from "./keys.ts";
import type { LevelRange } from "./level-database.ts";
import { type Used, decodeChanges, decodeUsedClient, decodeUsedSession } from "./records.ts";

const PAGE_RECORDS = 256;

/** What was found on a disk. */
export interface StoredState extends StateBesideItems {
  readonly head: Head;
  /** Higher than that of any record. */
  readonly nextGeneration: number;
}

/**
 * Reads and checks all but the items, and removes what a crash has kept from being removed. Null if the disk is empty.
 *
 * @throws KvDiskError if it is not a state of `owner` with `limits`, or damaged; then nothing has changed
 */
export async function readState(disk: Disk, owner: string, limits: StateLimits): Promise<StoredState | null> {
  const record = await disk.get(HEAD_KEY);
  if (record === undefined) {
    if (await isEmpty(disk, ALL)) return null;
    throw new KvDiskError(
      "notAState",
      "there is something else in the database than the state of a key-value store",
    );
  }
  const head = decodeHead(record);
  checkHead(head, owner, limits);
  await checkBatches(disk, head);
  const history = await readHistory(disk, head);
  const stored = {
    head,
    history,
    ...(await readSessions(disk, head)),
    nextGeneration: (await lastGeneration(disk, head)) + 1,
  };
  for (const range of [
    ...otherGenerations(head.generation),
    ...otherBatches(head.firstBatch, head.lastBatch),
  ]) {
    if (!(await isEmpty(disk, range))) await disk.discard(range);
  }
  disk.resume(head.firstBatch, head.lastBatch);
  return stored;
}

/** A batch that has no mark was lost by the database, and is missing in the middle. */
async function checkBatches(disk: Disk, { firstBatch, lastBatch }: Head): Promise<void> {
  let marks = 0;
  for await (const page of disk.pages(batchRange(firstBatch, lastBatch), PAGE_RECORDS)) marks += page.length;
  const expected = lastBatch - firstBatch + 1;
  if (marks !== expected) throw damaged(`of its last ${expected} batches, ${expected - marks} are missing`);
}

async function readHistory(disk: Disk, head: Head): Promise<History> {
  const { generation, limits, revision, firstRevision } = head;
  const history = new History(limits, firstRevision - 1);
  for await (const page of disk.pages(historyRange(generation), PAGE_RECORDS)) {
    for (const [key, record] of page) {
      const next = history.revision + 1;
      if (numberIn(key) !== next) throw damaged(`of the changes that are kept, revision ${next} is missing`);
      history.push(decodeChanges(key, record, next));
    }
  }
  if (history.revision !== revision || history.firstRevision !== firstRevision) {
    throw damaged(
      `it has the changes of revisions ${history.firstRevision} to ${history.revision}, not ${firstRevision} to ${revision}`,
    );
  }
  return history;
}

async function readSessions(
  disk: Disk,
  { generation, limits, sessionCount, clientCount }: Head,
): Promise<Pick<StateBesideItems, "sessions" | "clients">> {
  const { sessions, clients } = emptySessions(limits);
  const storedSessions = await readUsed(disk, sessionRange(generation), decodeUsedSession);
  for (const session of storedSessions) sessions.restore(session);
  const storedClients = await readUsed(disk, clientRange(generation), (key, record) =>
    decodeUsedClient(key, record, clientIdIn(key)),
  );
  for (const client of storedClients) clients.record(client);
  if (sessions.size !== sessionCount || clients.size !== clientCount) {
    throw damaged(
      `it has ${sessions.size} and ${clients.size} sessions, not ${sessionCount} and ${clientCount}`,
    );
  }
  return { sessions, clients };
}

/** In the order of use. */
async function readUsed<T>(
  disk: Disk,
  range: LevelRange,
  decode: (key: Uint8Array, record: Uint8Array) => Used<T>,
): Promise<T[]> {
  const all: Used<T>[] = [];
  for await (const page of disk.pages(range, PAGE_RECORDS)) {
    for (const [key, record] of page) all.push(decode(key, record));
  }
  return all.toSorted((one, other) => one.use - other.use).map(({ value }) => value);
}

async function isEmpty(disk: Disk, range: LevelRange): Promise<boolean> {
  for await (const page of disk.pages(range, 1)) return page.length === 0;
  return true;
}

/** The highest one, whether it counts or not. */
async function lastGeneration(disk: Disk, { generation }: Head): Promise<number> {
  for await (const page of disk.pages(STATES, 1, { reverse: true })) {
    for (const [key] of page) return Math.max(generation, generationIn(key));
  }
  return generation;
}

function damaged(message: string): KvDiskError {
  return new KvDiskError("damaged", `the state is damaged: ${message}`);
}
