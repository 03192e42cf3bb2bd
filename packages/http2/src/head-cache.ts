import type { HpackDecoder } from "./hpack/decoder.ts";
import { requestHeadOf } from "./request-head.ts";
import type { RequestHead } from "./request-head.ts";

const SLOTS = 16;
/** Longer blocks are not kept. A client that calls the same method again and again needs a dozen bytes for its headers. */
const MAX_BLOCK_BYTES = 256;

interface Slot {
  readonly block: Uint8Array;
  readonly changes: number;
  readonly head: RequestHead;
}

/**
 * The heads that some header blocks of a connection stand for. A block that changed nothing in the decoder's table means the same when it comes again,
 * for as long as nothing else has changed the table: then its bytes are compared, and nothing is decoded, checked or looked up.
 */
export class HeadCache {
  readonly #slots: (Slot | undefined)[] = Array.from({ length: SLOTS });
  readonly #decoder: HpackDecoder;

  constructor(decoder: HpackDecoder) {
    this.#decoder = decoder;
  }

  /** The head that a block stands for. Throws a ConnectionError for what is no block. */
  read(bytes: Uint8Array, from: number, to: number): RequestHead | "malformed" | "tooLarge" {
    const found = this.#find(bytes, from, to);
    if (found !== null) return found;
    const { changes } = this.#decoder;
    const fields = this.#decoder.decode(bytes, from, to);
    if (fields === null) return "tooLarge";
    const head = requestHeadOf(fields);
    if (head === null) return "malformed";
    this.#keep(bytes, from, to, changes, head);
    return head;
  }

  #find(bytes: Uint8Array, from: number, to: number): RequestHead | null {
    const slot = this.#slots[slotOf(bytes, from, to)];
    if (slot === undefined || slot.changes !== this.#decoder.changes) return null;
    const { block } = slot;
    if (block.byteLength !== to - from) return null;
    for (let i = 0; i < block.byteLength; i += 1) if (block[i] !== bytes[from + i]) return null;
    return slot.head;
  }

  /** `changesBefore`: those of the decoder before it has read the block. */
  #keep(bytes: Uint8Array, from: number, to: number, changesBefore: number, head: RequestHead): void {
    const { changes } = this.#decoder;
    if (changes !== changesBefore || to - from > MAX_BLOCK_BYTES) return;
    this.#slots[slotOf(bytes, from, to)] = {
      block: Uint8Array.from(bytes.subarray(from, to)),
      changes,
      head,
    };
  }
}

function slotOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i += 1) hash = (Math.imul(hash, 31) + (bytes[i] ?? 0)) | 0;
  return (hash >>> 4) % SLOTS;
}
