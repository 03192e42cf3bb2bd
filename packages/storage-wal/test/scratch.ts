import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { WalStorage } from "../src/index.ts";
import type { DiskImage } from "@eraft/conformance";
import { CrashDisk } from "@eraft/conformance";
import type { State, Step } from "./model.ts";
import { Model, openState, take } from "./model.ts";

/** A directory on the real disk that goes away with the test. */
export function scratchDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), "eraft-wal-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function filesOf(dir: string): Map<string, Buffer> {
  const names = readdirSync(dir).filter((name) => name !== "LOCK");
  return new Map(names.toSorted().map((name) => [name, readFileSync(join(dir, name))]));
}

export function writeFiles(dir: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const [name, bytes] of files) writeFileSync(join(dir, name), bytes);
}

/** The directory of every storage on a simulated disk. */
export const DIR = "/wal";

export function onDisk(disk: CrashDisk, segmentBytes = 1024): WalStorage {
  return new WalStorage({ dir: DIR, segmentBytes, fileSystem: disk });
}

/** What a storage on a new disk leaves after `steps`, closed or as a killed process leaves it, and what it must hold. */
export async function imageAfter(
  steps: readonly Step[],
  options: { close: boolean; segmentBytes?: number },
): Promise<{ image: DiskImage; state: State }> {
  const disk = new CrashDisk();
  const storage = onDisk(disk, options.segmentBytes);
  const model = new Model();
  await storage.open();
  for (const step of steps) {
    await take(storage, step);
    model.take(step);
  }
  if (options.close) await storage.close();
  return { image: disk.image(), state: model.state() };
}

/** Damages the byte at `offset`, whatever it was: some bytes of a file are drawn, and a constant may be what one already is. */
export function flipped(offset: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
    return bytes;
  };
}

/** The image with the bytes of one file changed. */
export function changed(
  image: DiskImage,
  path: string,
  change: (bytes: Uint8Array) => Uint8Array,
): DiskImage {
  const bytes = image.get(path);
  if (bytes === undefined) throw new Error(`no file ${path}`);
  return new Map([...image, [path, change(bytes.slice())]]);
}

/** What an open finds on `image`, or the error it rejects with; and whether it changed anything. */
export async function outcomeOf(
  image: DiskImage,
): Promise<{ state: State | null; error: unknown; changes: number }> {
  const disk = new CrashDisk(image);
  try {
    return { state: await openState(onDisk(disk)), error: null, changes: disk.operations.length };
  } catch (error) {
    return { state: null, error, changes: disk.operations.length };
  }
}
