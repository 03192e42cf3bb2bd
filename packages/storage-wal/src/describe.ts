import type { Configuration, Entry, Member, WriteBatch } from "@eraft/core";
import { decodeBatch } from "./batch-record.ts";
import { CommandMemory } from "./command-memory.ts";
import type { Unreadable } from "./configuration.ts";
import { decodeCheckpoint, decodeSnapshotRecord } from "./records.ts";
import { RecordType } from "./segment-format.ts";
import type { ScannedRecord } from "./segment-scan.ts";

const MALFORMED = "MALFORMED, though its checksum is right";

/** What a record says: one line, and one more for each configuration in it. */
export function describeRecord(record: ScannedRecord): readonly string[] {
  const [first = "", ...others] = linesOf(record);
  return [`#${record.sequence} ${first}`, ...others];
}

function linesOf(record: ScannedRecord): readonly string[] {
  switch (record.type) {
    case RecordType.checkpoint:
      return [describeCheckpoint(record.payload)];
    case RecordType.batch:
    case RecordType.batchWithConfigurations:
      return describeBatch(decodeBatch(record.type, record.payload, new CommandMemory()));
    case RecordType.snapshot:
      return [describeSnapshotRecord(record.payload)];
    default:
      return [`UNKNOWN type ${record.type}, ${record.payload.length} bytes`];
  }
}

function describeCheckpoint(payload: Uint8Array): string {
  const checkpoint = decodeCheckpoint(payload);
  if (checkpoint === null) return `checkpoint  ${MALFORMED}`;
  const { hardState, snapshot, lastLogIndex, lastLogTerm } = checkpoint;
  const covered =
    snapshot === null
      ? "no snapshot"
      : `snapshot ${snapshot.lastIncludedIndex} (term ${snapshot.lastIncludedTerm})`;
  const vote = `term ${hardState.term}, vote ${hardState.votedFor ?? "none"}`;
  return `checkpoint  ${vote}, ${covered}, log ends at ${lastLogIndex} (term ${lastLogTerm})`;
}

function describeBatch(batch: WriteBatch | Unreadable): readonly string[] {
  if (batch === "malformed") return [`batch  ${MALFORMED}`];
  if (batch === "unknown") return ["batch  UNKNOWN configuration, from a later version"];
  const { hardState, truncateFrom, entries } = batch;
  const parts: string[] = [];
  if (hardState !== null) parts.push(`term ${hardState.term}, vote ${hardState.votedFor ?? "none"}`);
  if (truncateFrom !== null) parts.push(`truncate from ${truncateFrom}`);
  if (entries.length > 0) parts.push(describeEntries(entries));
  const configurations = entries.flatMap(({ index, configuration }) =>
    configuration === undefined ? [] : [`entry ${index}: ${describeConfiguration(configuration)}`],
  );
  return [`batch  ${parts.join(", ")}`, ...configurations];
}

export function describeEntries(entries: readonly Entry[]): string {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return "no entries";
  const bytes = entries.reduce((sum, entry) => sum + entry.command.length, 0);
  const terms = first.term === last.term ? `term ${first.term}` : `terms ${first.term} to ${last.term}`;
  const range = first === last ? `entry ${first.index}` : `entries ${first.index} to ${last.index}`;
  return `${range} (${terms}, ${bytes} bytes)`;
}

function describeSnapshotRecord(payload: Uint8Array): string {
  const record = decodeSnapshotRecord(payload);
  if (record === null) return `snapshot  ${MALFORMED}`;
  const { lastIncludedIndex, lastIncludedTerm } = record.meta;
  const log = record.kept ? "the log after it stays" : "the log before it is dropped whole";
  return `snapshot  ${lastIncludedIndex} (term ${lastIncludedTerm}) committed, ${log}`;
}

export function describeConfiguration({ members }: Configuration): string {
  return members.length === 0 ? "no members" : `members ${members.map(describeMember).join("; ")}`;
}

/** In quotes and escaped: an address is what somebody typed, and the reader's terminal obeys control characters. */
function describeMember({ id, address, standing, incarnation }: Member): string {
  const where = address === "" ? "" : ` at ${JSON.stringify(address)}`;
  const disk = incarnation === null ? "" : `, disk ${JSON.stringify(incarnation)}`;
  return `${id} ${standing}${where}${disk}`;
}
