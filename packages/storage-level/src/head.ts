import type { HardState, LogIndex, Term } from "@eraft/core";
import { crc32 } from "node:zlib";
import { getUint53, isUint53, putUint53, viewOf } from "./bytes.ts";
import { LevelDamageError, LevelFormatError } from "./errors.ts";

/*
 * The head: what of all the other records counts. Every batch replaces it, as a whole. All numbers are big-endian.
 *
 *  0 crc u32 of what follows   4 version u32   8 flags u32   12 reserved   16 sequence u64   24 term u64   32 vote u64
 * 40 generation of the snapshot u64, 0 for none   48 lastIncludedIndex u64   56 lastIncludedTerm u64
 * 64 last log index u64   72 crc at lastIncludedIndex u32   76 crc at the last log index u32
 *
 * Later versions keep crc and version where they are.
 */

export interface Head {
  /** How many batches there were: two heads of the same number are the same. */
  readonly sequence: number;
  readonly hardState: HardState;
  /** Which snapshot counts; 0 for none. */
  readonly generation: number;
  /** The log begins after this; 0 without a snapshot. */
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  /** What the crc of the first entry continues. */
  readonly baseChain: number;
  readonly lastLogIndex: LogIndex;
  /** The crc of the last entry; `baseChain` if there is none. */
  readonly lastChain: number;
}

export const HEAD_BYTES = 80;
const VERSION = 1;
const HAS_VOTE = 1;

export function encodeHead(head: Head): Uint8Array {
  const { hardState } = head;
  const bytes = new Uint8Array(HEAD_BYTES);
  const view = viewOf(bytes);
  view.setUint32(4, VERSION);
  view.setUint32(8, hardState.votedFor === null ? 0 : HAS_VOTE);
  putUint53(view, 16, head.sequence);
  putUint53(view, 24, hardState.term);
  putUint53(view, 32, hardState.votedFor ?? 0);
  putUint53(view, 40, head.generation);
  putUint53(view, 48, head.lastIncludedIndex);
  putUint53(view, 56, head.lastIncludedTerm);
  putUint53(view, 64, head.lastLogIndex);
  view.setUint32(72, head.baseChain);
  view.setUint32(76, head.lastChain);
  view.setUint32(0, crc32(bytes.subarray(4)));
  return bytes;
}

/** Throws `LevelDamageError` or `LevelFormatError`. `which` names the copy. */
export function decodeHead(location: string, which: string, bytes: Uint8Array): Head {
  if (bytes.length < 8 || viewOf(bytes).getUint32(0) !== crc32(bytes.subarray(4))) {
    throw new LevelDamageError(location, `the ${which} head does not match its checksum`);
  }
  const view = viewOf(bytes);
  const version = view.getUint32(4);
  if (version !== VERSION)
    throw new LevelFormatError(location, `the ${which} head has format version ${version}`);
  if (bytes.length !== HEAD_BYTES) {
    throw new LevelDamageError(location, `the ${which} head has ${bytes.length} bytes`);
  }
  const head = {
    sequence: getUint53(view, 16),
    hardState: {
      term: getUint53(view, 24),
      votedFor: (view.getUint32(8) & HAS_VOTE) === 0 ? null : getUint53(view, 32),
    },
    generation: getUint53(view, 40),
    lastIncludedIndex: getUint53(view, 48),
    lastIncludedTerm: getUint53(view, 56),
    baseChain: view.getUint32(72),
    lastLogIndex: getUint53(view, 64),
    lastChain: view.getUint32(76),
  };
  if (!isPlausible(head)) {
    throw new LevelDamageError(location, `the ${which} head makes no sense, though its checksum is right`);
  }
  return head;
}

function isPlausible({ hardState, ...head }: Head): boolean {
  const numbers = [
    head.sequence,
    hardState.term,
    hardState.votedFor ?? 0,
    head.generation,
    head.lastIncludedIndex,
    head.lastIncludedTerm,
    head.lastLogIndex,
  ];
  return (
    numbers.every(isUint53) &&
    head.lastLogIndex >= head.lastIncludedIndex &&
    head.generation > 0 === head.lastIncludedIndex > 0
  );
}
