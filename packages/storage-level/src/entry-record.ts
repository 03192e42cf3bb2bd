import type { Entry, LogIndex, Term } from "@eraft/core";
import { crc32 } from "node:zlib";
import { isUint53, putUint53, uint32At, uint53At, viewOf } from "./bytes.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration.ts";
import { LevelDamageError, LevelFormatError } from "./errors.ts";

/*
 * The value of an entry. All numbers are big-endian.
 *
 *  0 crc u32 of what follows   4 kind u32   8 index u64   16 term u64   24 the command, or the configuration
 *
 * The crc continues that of the entry before, so each stands for the whole log up to there: an entry that is missing, or an older one that has
 * come back in its place, fails like a damaged one. Where the first one begins is said in the head.
 */

const HEADER_BYTES = 24;
const COMMAND = 0;
const CONFIGURATION = 1;

/** Bytes of the key of an entry, which count as well. */
export const ENTRY_KEY_BYTES = 9;

/** What of a log that is empty the first crc continues. */
export const CHAIN_START = 0;

export interface EntryRecord {
  readonly value: Uint8Array;
  /** The crc at this entry, which the next one continues. */
  readonly chain: number;
}

export function encodeEntry(entry: Entry, chainBefore: number): EntryRecord {
  const { index, term, command, configuration } = entry;
  const content = configuration === undefined ? command : encodeConfiguration(configuration);
  const value = new Uint8Array(HEADER_BYTES + content.length);
  const view = viewOf(value);
  view.setUint32(4, configuration === undefined ? COMMAND : CONFIGURATION);
  putUint53(view, 8, index);
  putUint53(view, 16, term);
  value.set(content, HEADER_BYTES);
  const chain = crc32(value.subarray(4), chainBefore);
  view.setUint32(0, chain);
  return { value, chain };
}

/** What comes before an entry that is read. */
export interface Predecessor {
  readonly index: LogIndex;
  readonly term: Term;
  readonly chain: number;
}

export interface DecodedEntry {
  readonly entry: Entry;
  readonly chain: number;
}

/** The entry's bytes are a view of `value`. Throws `LevelDamageError` or `LevelFormatError`. */
export function decodeEntry(location: string, value: Uint8Array, before: Predecessor): DecodedEntry {
  const due = before.index + 1;
  const damaged = (what: string): LevelDamageError =>
    new LevelDamageError(location, `entry ${due} of the log ${what}`);
  if (value.length < HEADER_BYTES) throw damaged("is cut short");
  const chain = uint32At(value, 0);
  if (chain !== crc32(value.subarray(4), before.chain)) {
    const index = uint53At(value, 8);
    if (isUint53(index) && index > due) throw damaged(`is missing: entry ${index} comes next`);
    throw damaged("does not match its checksum, or does not follow from the one before");
  }
  const kind = uint32At(value, 4);
  const index = uint53At(value, 8);
  const term = uint53At(value, 16);
  if (index !== due || !isUint53(term) || term < before.term) {
    throw damaged("makes no sense, though its checksum is right");
  }
  const content = value.subarray(HEADER_BYTES);
  if (kind === COMMAND) return { entry: { index, term, command: content }, chain };
  if (kind !== CONFIGURATION) {
    throw new LevelFormatError(location, `entry ${index} of the log is of unknown kind ${kind}`);
  }
  const configuration = decodeConfiguration(content);
  if (configuration === "malformed") throw damaged("has a configuration that makes no sense");
  if (configuration === "unknown") {
    throw new LevelFormatError(
      location,
      `the configuration in entry ${index} says what this version does not know`,
    );
  }
  return { entry: { index, term, command: new Uint8Array(0), configuration }, chain };
}
