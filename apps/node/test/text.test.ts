import { expect, test } from "vitest";
import { jsonBytes } from "../src/format/item-json.ts";
import { escaped, unescaped } from "../src/format/text.ts";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  [utf8("blue"), "blue"],
  [utf8("größer 🦑"), "größer 🦑"],
  [utf8("a\tb\nc\rd"), String.raw`a\tb\nc\rd`],
  [utf8("a\\b"), String.raw`a\\b`],
  [utf8("\u001B[31m\u0000\u007F"), String.raw`\x1b[31m\x00\x7f`],
  // A control character of a terminal, beyond ASCII.
  [utf8("\u009B1m"), String.raw`\xc2\x9b1m`],
  [bytes(0x61, 0xff, 0x0a), String.raw`a\xff\n`],
  [bytes(0xc3, 0xb6, 0xff), String.raw`\xc3\xb6\xff`],
  // A byte order mark is a character like any other.
  [utf8("\uFEFFa"), "\uFEFFa"],
  [bytes(), ""],
])("%s is shown as %s, and read again", (bytes, shown) => {
  expect(escaped(bytes)).toBe(shown);
  expect(Buffer.from(unescaped(shown)).equals(bytes)).toBe(true);
});

test("every byte survives", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  expect(Buffer.from(unescaped(escaped(all))).equals(all)).toBe(true);
});

test.each([String.raw`\q`, String.raw`\x1`, String.raw`\xzz`, "a\\"])("%s means nothing", (text) => {
  expect(() => unescaped(text)).toThrow("a backslash begins");
});

test("JSON has text as text, and other bytes as base64", () => {
  expect(jsonBytes("key", utf8("größer"))).toEqual({ key: "größer" });
  expect(jsonBytes("key", bytes(0xff, 0))).toEqual({ key_base64: "/wA=" });
});
