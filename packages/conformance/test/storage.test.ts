import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crashDiskSite, storageCases, syncFileSystem } from "@eraft/conformance";
import { test } from "vitest";
import { jsonStorage } from "./fixtures/json-storage.ts";

const supports = { kill: true, exclusiveOpen: false, maxCommandBytes: 65_536, maxSnapshotBytes: 65_536 };

const onCrashDisk = {
  create: () => crashDiskSite((disk) => jsonStorage("/data/raft.json", syncFileSystem(disk))),
  supports: { ...supports, powerLoss: true },
};
test.each(storageCases(onCrashDisk))("on a disk whose power fails: $name", ({ run }) => run());

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
test.each(storageCases(onRealDisk))("on the real disk: $name", ({ run }) => run());
