import type { SnapshotMeta } from "@eraft/core";
import { crc32 } from "node:zlib";
import { getUint53, isUint53, putUint53, viewOf } from "./bytes.ts";
import { decodeConfiguration, encodeConfiguration } from "./configuration.ts";
import { LevelDamageError, LevelFormatError } from "./errors.ts";

/*
 * A snapshot: a descriptor and chunks, under keys with its generation. All numbers are big-endian.
 *
 * Descriptor:
 *  0 crc u32 of what follows   4 version u32   8 flags u32, 1: with a configuration   12 chunks u32   16 lastIncludedIndex u64
 * 24 lastIncludedTerm u64   32 bytes in all chunks u64   40 crc at the last chunk u32   44 the configuration
 *
 * Chunk:
 *  0 crc u32 of what follows, which continues that of the chunk before   4 bytes of the snapshot, 1 to CHUNK_BYTES
 *
 * What the first chunk continues is the crc of generation, index and term: a chunk of another snapshot fails like a damaged one.
 */

/** Bytes of the snapshot in each chunk but the last. */
export const CHUNK_BYTES: number = 128 * 1024;

const VERSION = 1;
const HAS_CONFIGURATION = 1;
const DESCRIPTOR_BYTES = 44;
const CHUNK_HEADER_BYTES = 4;

export interface Descriptor {
  readonly meta: SnapshotMeta;
  readonly chunks: number;
  readonly dataBytes: number;
  /** The crc of the last chunk; that of the start if there is none. */
  readonly lastChain: number;
}

export function encodeDescriptor({ meta, chunks, dataBytes, lastChain }: Descriptor): Uint8Array {
  const { lastIncludedIndex, lastIncludedTerm, configuration } = meta;
  const members = configuration === undefined ? new Uint8Array(0) : encodeConfiguration(configuration);
  const bytes = new Uint8Array(DESCRIPTOR_BYTES + members.length);
  const view = viewOf(bytes);
  view.setUint32(4, VERSION);
  view.setUint32(8, configuration === undefined ? 0 : HAS_CONFIGURATION);
  view.setUint32(12, chunks);
  putUint53(view, 16, lastIncludedIndex);
  putUint53(view, 24, lastIncludedTerm);
  putUint53(view, 32, dataBytes);
  view.setUint32(40, lastChain);
  bytes.set(members, DESCRIPTOR_BYTES);
  view.setUint32(0, crc32(bytes.subarray(4)));
  return bytes;
}

/** Throws `LevelDamageError` or `LevelFormatError`. */
export function decodeDescriptor(location: string, bytes: Uint8Array): Descriptor {
  const damaged = (what: string): LevelDamageError =>
    new LevelDamageError(location, `the descriptor of the snapshot ${what}`);
  if (bytes.length < 8 || viewOf(bytes).getUint32(0) !== crc32(bytes.subarray(4))) {
    throw damaged("does not match its checksum");
  }
  const view = viewOf(bytes);
  const version = view.getUint32(4);
  if (version !== VERSION) {
    throw new LevelFormatError(location, `the descriptor of the snapshot has format version ${version}`);
  }
  if (bytes.length < DESCRIPTOR_BYTES) throw damaged("is cut short");
  const dataBytes = getUint53(view, 32);
  if (!isUint53(dataBytes)) throw damaged("makes no sense, though its checksum is right");
  const meta = { lastIncludedIndex: getUint53(view, 16), lastIncludedTerm: getUint53(view, 24) };
  const rest = { chunks: view.getUint32(12), dataBytes, lastChain: view.getUint32(40) };
  if ((view.getUint32(8) & HAS_CONFIGURATION) === 0) return { meta, ...rest };
  const configuration = decodeConfiguration(bytes.subarray(DESCRIPTOR_BYTES));
  if (configuration === "malformed") throw damaged("has a configuration that makes no sense");
  if (configuration === "unknown") {
    throw new LevelFormatError(
      location,
      "the configuration of the snapshot says what this version does not know",
    );
  }
  return { meta: { ...meta, configuration }, ...rest };
}

/** What the first chunk of a snapshot continues. */
export function chainStart(
  generation: number,
  { lastIncludedIndex, lastIncludedTerm }: SnapshotMeta,
): number {
  const bytes = new Uint8Array(24);
  const view = viewOf(bytes);
  putUint53(view, 0, generation);
  putUint53(view, 8, lastIncludedIndex);
  putUint53(view, 16, lastIncludedTerm);
  return crc32(bytes);
}

export function encodeChunk(data: Uint8Array, chainBefore: number): { value: Uint8Array; chain: number } {
  const value = new Uint8Array(CHUNK_HEADER_BYTES + data.length);
  value.set(data, CHUNK_HEADER_BYTES);
  const chain = crc32(data, chainBefore);
  viewOf(value).setUint32(0, chain);
  return { value, chain };
}

/** Reads the chunks of a snapshot in their order, and notices what is missing, damaged, or too much. */
export class ChunkReader {
  readonly #location: string;
  readonly #descriptor: Descriptor;
  #chain: number;
  #chunks = 0;
  #bytes = 0;

  constructor(location: string, generation: number, descriptor: Descriptor) {
    this.#location = location;
    this.#descriptor = descriptor;
    this.#chain = chainStart(generation, descriptor.meta);
  }

  /** The bytes in the next chunk, a view of `value`. Throws `LevelDamageError`. */
  take(value: Uint8Array | undefined): Uint8Array {
    if (value === undefined) throw this.#damaged("is missing");
    const data = value.subarray(CHUNK_HEADER_BYTES);
    if (value.length <= CHUNK_HEADER_BYTES || viewOf(value).getUint32(0) !== crc32(data, this.#chain)) {
      throw this.#damaged("does not match its checksum");
    }
    this.#chain = crc32(data, this.#chain);
    this.#chunks++;
    this.#bytes += data.length;
    return data;
  }

  /** To be called after the last one. Throws `LevelDamageError` if it was not what the descriptor says. */
  end(): void {
    const { chunks, dataBytes, lastChain } = this.#descriptor;
    if (this.#chunks !== chunks) throw this.#damaged("is missing");
    if (this.#bytes !== dataBytes || this.#chain !== lastChain) {
      throw new LevelDamageError(
        this.#location,
        "the chunks of the snapshot are not those that its descriptor tells of",
      );
    }
  }

  #damaged(what: string): LevelDamageError {
    return new LevelDamageError(this.#location, `chunk ${this.#chunks} of the snapshot ${what}`);
  }
}
