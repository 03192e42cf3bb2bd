import { END_OF_STRING, huffmanCodes } from "./huffman-code.ts";

// Decoding goes by halves of bytes. A state is a node within the tree of codes; for each state and half of a byte the tables say which state is
// next and which byte has ended, if any has: no code is shorter than five bits, so there is at most one.
const NONE = 0xffff;
const FAULT = 0xffff;
const CODES = huffmanCodes();
const [NEXT, EMIT, MAY_END] = decodeTables();
const BITS = new Uint32Array(END_OF_STRING);
const LENGTHS = new Uint8Array(END_OF_STRING);
for (const { symbol, bits, length } of CODES) {
  if (symbol === END_OF_STRING) continue;
  BITS[symbol] = bits;
  LENGTHS[symbol] = length;
}

/** The text, a byte a character; null if it is no valid encoding (RFC 7541, 5.2). */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | null {
  let state = 0;
  let text = "";
  for (let i = from; i < to; i += 1) {
    const byte = bytes[i] ?? 0;
    for (const half of [byte >> 4, byte & 15]) {
      const at = state * 16 + half;
      const symbol = EMIT[at] ?? NONE;
      state = NEXT[at] ?? FAULT;
      if (state === FAULT) return null;
      if (symbol !== NONE) text += String.fromCharCode(symbol);
    }
  }
  return MAY_END[state] === 1 ? text : null;
}

/** Bytes that `text` takes; its characters are bytes. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i += 1) bits += LENGTHS[text.charCodeAt(i)] ?? 0;
  return (bits + 7) >> 3;
}

/** Writes `text` to `bytes` and returns where it ends. */
export function encodeHuffman(text: string, bytes: Uint8Array, from: number): number {
  let at = from;
  // Codes are up to 30 bits long, and up to 7 may be left of the last one: more than bit operations can hold.
  let held = 0;
  let heldBits = 0;
  for (let i = 0; i < text.length; i += 1) {
    const symbol = text.charCodeAt(i);
    const length = LENGTHS[symbol] ?? 0;
    held = held * 2 ** length + (BITS[symbol] ?? 0);
    heldBits += length;
    while (heldBits >= 8) {
      heldBits -= 8;
      const byte = Math.floor(held / 2 ** heldBits);
      bytes[at] = byte;
      held -= byte * 2 ** heldBits;
      at += 1;
    }
  }
  if (heldBits === 0) return at;
  // Filled up with ones, the beginning of the end of a string.
  bytes[at] = (held << (8 - heldBits)) | (0xff >> heldBits);
  return at + 1;
}

interface Node {
  readonly children: (Node | number | undefined)[];
  readonly index: number;
  /** A string may end here: what leads here is the beginning of the end of a string, and shorter than a byte. */
  readonly mayEnd: boolean;
}

function decodeTables(): [next: Uint16Array, emit: Uint16Array, mayEnd: Uint8Array] {
  const nodes = codeTree();
  const next = new Uint16Array(nodes.length * 16).fill(FAULT);
  const emit = new Uint16Array(nodes.length * 16).fill(NONE);
  for (const node of nodes) {
    for (let half = 0; half < 16; half += 1) {
      const [state, symbol] = walk(node, nodes[0], half);
      next[node.index * 16 + half] = state;
      emit[node.index * 16 + half] = symbol;
    }
  }
  return [next, emit, Uint8Array.from(nodes, ({ mayEnd }) => (mayEnd ? 1 : 0))];
}

function walk(from: Node, root: Node | undefined, half: number): [state: number, symbol: number] {
  let node: Node | undefined = from;
  let symbol = NONE;
  for (let bit = 3; bit >= 0; bit -= 1) {
    const child: Node | number | undefined = node?.children[(half >> bit) & 1];
    if (child === undefined || child === END_OF_STRING) return [FAULT, NONE];
    if (typeof child === "number") {
      symbol = child;
      node = root;
    } else {
      node = child;
    }
  }
  return [node?.index ?? FAULT, symbol];
}

function codeTree(): Node[] {
  const nodes: Node[] = [{ children: [], index: 0, mayEnd: true }];
  for (const { symbol, bits, length } of CODES) {
    let node = nodes[0];
    for (let bit = length - 1; bit > 0 && node !== undefined; bit -= 1) {
      const side = Math.floor(bits / 2 ** bit) & 1;
      let child: Node | number | undefined = node.children[side];
      if (child === undefined) {
        const isAllOnes = node.mayEnd && side === 1 && length - bit < 8;
        child = { children: [], index: nodes.length, mayEnd: isAllOnes };
        nodes.push(child);
        node.children[side] = child;
      }
      node = typeof child === "number" ? undefined : child;
    }
    if (node !== undefined) node.children[bits & 1] = symbol;
  }
  return nodes;
}
