import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CrashDiskSite,
  type StorageHarness,
  crashDiskSite,
  storageCases,
  syncFileSystem,
} from "@eraft/conformance";
import { describe, test } from "vitest";
import { jsonStorage } from "./fixtures/json-storage.ts";

const supports = { kill: true, exclusiveOpen: false, maxCommandBytes: 65_536, maxSnapshotBytes: 65_536 };

const onCrashDisk: StorageHarness<CrashDiskSite> = {
  create: () => crashDiskSite((disk) => jsonStorage("/data/raft.json", syncFileSystem(disk))),
  supports: { ...supports, powerLoss: true },
  damages: [
    { name: "a file cut short", inflict: ({ disk }) => disk.open("/data/raft.json", "write").truncate(100) },
  ],
};
describe("on a disk whose power fails", () => {
  for (const { name, run } of storageCases(onCrashDisk)) test(name, () => run());
});

const onRealDisk = {
  create: () => {
    const directory = mkdtempSync(join(tmpdir(), "eraft-conformance-"));
    return {
      storage: () => jsonStorage(join(directory, "raft.json")),
      kill: () => {},
      dispose: () => rmSync(directory, { recursive: true }),
    };
  },
  supports,
};
describe("on the real disk", () => {
  for (const { name, run } of storageCases(onRealDisk)) test(name, () => run());
});
