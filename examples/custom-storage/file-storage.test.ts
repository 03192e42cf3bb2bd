import { crashDiskSite, storageCases, syncFileSystem } from "@eraft/conformance";
import { test } from "vitest";
import { fileStorage } from "./file-storage.ts";

const harness = {
  create: () => crashDiskSite((disk) => fileStorage("/data/raft", syncFileSystem(disk))),
  supports: { kill: true, powerLoss: true, exclusiveOpen: false },
};
for (const { name, run } of storageCases(harness)) test(name, () => run());
