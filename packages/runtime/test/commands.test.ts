import { expect, test } from "vitest";
import { InvalidCommandError } from "@eraft/runtime";
import { Commands } from "../src/commands.ts";

test("what is in the log is a copy, with its own bytes, whatever the sizes and however the caller uses its buffer", () => {
  const commands = new Commands<Uint8Array>(null, 1 << 20);
  const sizes = [1, 100, 4096, 4097, 3, 4095, 4096, 4096, 4096, 1 << 20, 17, 2, 16_384];
  const copies = sizes.map((size, at) => {
    // A Buffer's `slice` is a view, and so is that of a class of one's own.
    const given = Buffer.alloc(size, at + 1);
    const copy = commands.toBytes(given);
    given.fill(0xff);
    return copy;
  });
  expect(copies.map((copy) => copy.length)).toEqual(sizes);
  for (const [at, copy] of copies.entries()) expect(copy.every((byte) => byte === at + 1)).toBe(true);
});

test("what one small command keeps alive is bounded", () => {
  const commands = new Commands<Uint8Array>(null, 1 << 20);
  const small = Array.from({ length: 1000 }, () => commands.toBytes(new Uint8Array(100)));
  expect(new Set(small.map(({ buffer }) => buffer)).size).toBeLessThan(10);
  for (const { buffer } of small) expect(buffer.byteLength).toBeLessThanOrEqual(16_384);
});

test("a command that is refused leaves nothing behind", () => {
  const commands = new Commands<string>({ encode: (text) => new TextEncoder().encode(text) }, 4);
  const kept = commands.toBytes("abcd");
  for (const wrong of ["", "abcde"]) expect(() => commands.toBytes(wrong)).toThrow(InvalidCommandError);
  expect(new TextDecoder().decode(kept)).toBe("abcd");
  expect(new TextDecoder().decode(commands.toBytes("wxyz"))).toBe("wxyz");
});
