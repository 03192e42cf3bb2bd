import { isUtf8 } from "node:buffer";
// Where there is no Node, the same comes out.
import { expect, test } from "vitest";
import { byteStringOf, bytesOf, portably, writeByteString } from "../src/state/byte-string.ts";
import { portablyIsUtf8 } from "../src/state/command-bytes.ts";
import { crc32, portableCrc32 } from "../src/state/crc32.ts";
import { seeded } from "./support/commands.ts";

const random = seeded(3);
const some = (length: number): Uint8Array => Uint8Array.from({ length }, () => Math.floor(random() * 256));

test("checksums, of the whole and continued", () => {
  // The check value of CRC-32/ISO-HDLC.
  expect(portableCrc32(new TextEncoder().encode("123456789"))).toBe(0xcbf4_3926);
  for (let length = 0; length < 300; length += 7) {
    const bytes = some(length);
    expect(portableCrc32(bytes)).toBe(crc32(bytes));
    const half = length >> 1;
    const first = crc32(bytes.subarray(0, half));
    expect(crc32(bytes.subarray(half), first)).toBe(crc32(bytes));
    expect(portableCrc32(bytes.subarray(half), first)).toBe(crc32(bytes));
  }
});

test("strings of bytes, there and back, short and long", () => {
  for (const length of [0, 1, 16, 31, 32, 33, 128, 4096, 4097, 10_000]) {
    const bytes = some(length);
    const text = byteStringOf(bytes);
    expect(portably(bytes)).toBe(text);
    expect(bytesOf(text)).toEqual(bytes);
    const room = new Uint8Array(length + 20).fill(7);
    writeByteString(text, room, 9);
    expect(room.subarray(9, 9 + length)).toEqual(bytes);
    expect([...room.subarray(0, 9), ...room.subarray(9 + length)].every((byte) => byte === 7)).toBe(true);
  }
});

test("what is UTF-8, by either way", () => {
  const texts = ["", "a", "\u{0}", "h\u00e9llo", "\ufeff", "\u{1f600}", "\ud7ff\ue000\u{10ffff}"];
  for (const text of texts) expect(portablyIsUtf8(new TextEncoder().encode(text))).toBe(true);
  // A lone byte of two, too long a form, half of a pair, and more than there is.
  for (const hex of ["c3", "80", "c0af", "eda080", "f4908080", "ff"]) {
    expect(portablyIsUtf8(Buffer.from(`61${hex}`, "hex"))).toBe(false);
  }
  for (let length = 0; length < 200; length++) {
    const bytes = some(length % 7);
    expect(portablyIsUtf8(bytes)).toBe(isUtf8(bytes));
  }
});
