import { expect, onTestFinished, test } from "vitest";
import { WalStorage } from "@eraft/storage-wal";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandMemory } from "../src/command-memory.ts";

test("commands are copies of what was read, each with its own bytes, whatever their sizes", () => {
  const memory = new CommandMemory();
  const sizes = [0, 1, 4095, 4096, 4097, 3, 16_384, 100_000, 4096, 4096, 4096, 4096, 17];
  const read = sizes.map((size, at) => new Uint8Array(size).fill(at + 1));
  const copies = read.map((bytes) => memory.copy(bytes));
  for (const bytes of read) bytes.fill(0xff);
  expect(copies.map((copy) => copy.length)).toEqual(sizes);
  for (const [at, copy] of copies.entries()) expect(copy.every((byte) => byte === at + 1)).toBe(true);
});

test("what one small command keeps alive is bounded; a large one keeps nothing but itself", () => {
  const memory = new CommandMemory();
  const small = Array.from({ length: 1000 }, () => memory.copy(new Uint8Array(100)));
  expect(new Set(small.map(({ buffer }) => buffer)).size).toBeLessThan(10);
  for (const { buffer } of small) expect(buffer.byteLength).toBeLessThanOrEqual(16_384);
  expect(memory.copy(new Uint8Array(4097)).buffer.byteLength).toBe(4097);
});

test("entries that are read at the start do not keep the segment in memory", async () => {
  const dir = mkdtempSync(join(tmpdir(), "eraft-wal-memory-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const storage = new WalStorage({ dir });
  await storage.open();
  const entries = [1, 2, 3].map((index) => ({ index, term: 1, command: new Uint8Array(10).fill(index) }));
  await storage.write({ hardState: { term: 1, votedFor: null }, truncateFrom: null, entries });
  await storage.close();
  const reopened = new WalStorage({ dir });
  const restored = await reopened.open();
  await reopened.close();
  expect(restored.entries).toEqual(entries);
  for (const { command } of restored.entries) expect(command.buffer.byteLength).toBeLessThanOrEqual(16_384);
});
