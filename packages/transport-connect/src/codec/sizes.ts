import type { Configuration, Entry } from "@eraft/core";

/**
 * Upper bounds of what protobuf adds around a command. Tag and length of the entry: 1 + 5 bytes. Index and term: 1 + 8 each, since
 * a safe integer has at most 53 bits. Tag and length of the command: 1 + 5.
 */
const ENTRY_OVERHEAD_BYTES = 32;

/** Upper bound of the five numbers of an AppendEntriesRequest, 1 + 10 bytes each. */
const REQUEST_OVERHEAD_BYTES = 64;

/** Upper bound of a member without its texts: id and standing, and five tags and lengths. */
const MEMBER_OVERHEAD_BYTES = 48;

/** UTF-8 takes up to three bytes for a unit of a string. */
const BYTES_PER_UNIT = 3;

export interface Fitting {
  /** How many leading entries fit. */
  readonly count: number;
  /** Upper bound of the bytes of a message with that many. */
  readonly sizeBytes: number;
}

/** How many leading entries an AppendEntries of at most `maxBytes` can carry: a bound from lengths alone, nothing is encoded. */
export function fitEntries(entries: readonly Entry[], maxBytes: number): Fitting {
  let sizeBytes = REQUEST_OVERHEAD_BYTES;
  let count = 0;
  for (const entry of entries) {
    const next = sizeBytes + entryBytes(entry);
    if (next > maxBytes) break;
    sizeBytes = next;
    count += 1;
  }
  return { count, sizeBytes };
}

/** Upper bound of the bytes of an AppendEntries with `entries`. */
export function entriesBytes(entries: readonly Entry[]): number {
  return fitEntries(entries, Number.POSITIVE_INFINITY).sizeBytes;
}

/** Bytes that the entries of a received message keep alive. */
export function commandBytes(entries: readonly Entry[]): number {
  let total = 0;
  for (const entry of entries) total += entry.command.byteLength;
  return total;
}

function entryBytes({ command, configuration }: Entry): number {
  const configurationSize = configuration === undefined ? 0 : configurationBytes(configuration);
  return ENTRY_OVERHEAD_BYTES + command.byteLength + configurationSize;
}

function configurationBytes({ members }: Configuration): number {
  let total = 0;
  for (const { address, incarnation } of members) {
    total += MEMBER_OVERHEAD_BYTES + BYTES_PER_UNIT * (address.length + (incarnation?.length ?? 0));
  }
  return total;
}
