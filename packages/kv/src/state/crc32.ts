const TABLE = makeTable();

/** CRC-32 (ISO-HDLC, as in zlib and PNG) of `bytes`, continued from `crc`, the checksum of what came before. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  let remainder = ~crc;
  for (let i = 0; i < bytes.length; i++) {
    remainder = (remainder >>> 8) ^ (TABLE[(remainder ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  }
  return ~remainder >>> 0;
}

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ 0xedb8_8320 : remainder >>> 1;
    }
    return remainder;
  });
}
