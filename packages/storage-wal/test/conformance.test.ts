import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CrashDiskSite, crashDiskSite, storageCases } from "@eraft/conformance";
import { WalStorage } from "@eraft/storage-wal";
import { describe, test } from "vitest";

function onRealDisk() {
  const dir = mkdtempSync(join(tmpdir(), "eraft-wal-"));
  return { storage: () => new WalStorage({ dir }), dispose: () => rmSync(dir, { recursive: true }) };
}

/** Segments so small that the workloads fill several. */
function onCrashDisk() {
  return crashDiskSite((fileSystem) => new WalStorage({ dir: "/wal", segmentBytes: 2048, fileSystem }));
}

/** Changes bytes of the oldest file whose name begins with `prefix`. */
const spoiled = (prefix: string, position: number, ...bytes: number[]) => {
  return ({ disk }: CrashDiskSite): void => {
    const name = disk
      .list("/wal")
      .toSorted()
      .find((name) => name.startsWith(prefix));
    disk.open(`/wal/${name}`, "write").write(Uint8Array.from(bytes), position);
  };
};

const damages = [
  { name: "a segment with a flipped byte in a record", inflict: spoiled("wal-", 100, 0xa5) },
  { name: "a segment of a format version from the future", inflict: spoiled("wal-", 8, 2) },
  { name: "a snapshot with a flipped byte", inflict: spoiled("snapshot-", 80, 0xa5) },
  {
    name: "a directory whose segments are gone",
    inflict: ({ disk }: CrashDiskSite): void => {
      for (const name of disk.list("/wal")) if (name.startsWith("wal-")) disk.remove(`/wal/${name}`);
    },
  },
];

describe("on the real disk", () => {
  for (const { name, run } of storageCases({ create: onRealDisk })) test(name, () => run());
});

const harness = { create: onCrashDisk, supports: { kill: true, powerLoss: true }, damages };
describe("on a disk whose power fails", () => {
  for (const { name, run } of storageCases(harness)) test(name, () => run());
});
