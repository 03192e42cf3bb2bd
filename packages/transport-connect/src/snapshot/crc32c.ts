/** Castagnoli's polynomial, reversed. */
const POLYNOMIAL = 0x82f63b78;

/** Bytes that are looked up at a time. */
const SLICES = 8;

/** `TABLE[n * 256 + b]`: what a byte `b` that is followed by `n` more bytes contributes. */
const TABLE: Uint32Array = makeTable();

/** CRC-32C (RFC 3720, B.4) of the bytes before, whose checksum is `before`, and of `bytes`. That of no bytes is 0. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let at = 0;
  for (const end = bytes.length - SLICES; at <= end; at += SLICES) crc = eightBytes(bytes, at, crc);
  for (; at < bytes.length; at += 1) {
    crc = lookup(0, crc ^ byteAt(bytes, at)) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/** Eight table look-ups that do not wait for each other, instead of eight that do. */
function eightBytes(bytes: Uint8Array, at: number, crc: number): number {
  return (
    lookup(7, crc ^ byteAt(bytes, at)) ^
    lookup(6, (crc >>> 8) ^ byteAt(bytes, at + 1)) ^
    lookup(5, (crc >>> 16) ^ byteAt(bytes, at + 2)) ^
    lookup(4, (crc >>> 24) ^ byteAt(bytes, at + 3)) ^
    lookup(3, byteAt(bytes, at + 4)) ^
    lookup(2, byteAt(bytes, at + 5)) ^
    lookup(1, byteAt(bytes, at + 6)) ^
    lookup(0, byteAt(bytes, at + 7))
  );
}

function lookup(followers: number, byte: number): number {
  return TABLE[followers * 256 + (byte & 0xff)] ?? 0;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function makeTable(): Uint32Array {
  const table = new Uint32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) * POLYNOMIAL);
    table[byte] = crc;
  }
  for (let at = 256; at < table.length; at += 1) {
    const crc = table[at - 256] ?? 0;
    table[at] = (crc >>> 8) ^ (table[crc & 0xff] ?? 0);
  }
  return table;
}
