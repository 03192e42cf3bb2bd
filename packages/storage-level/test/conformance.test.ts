import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storageCases } from "@eraft/conformance";
import { LevelStorage } from "@eraft/storage-level";
import { ClassicLevel } from "classic-level";
import { test } from "vitest";

function onRealDisk() {
  const dir = mkdtempSync(join(tmpdir(), "eraft-level-"));
  return {
    storage: () => new LevelStorage({ db: new ClassicLevel(dir) }),
    dispose: () => rmSync(dir, { recursive: true }),
  };
}

for (const { name, run } of storageCases({ create: onRealDisk })) test(name, () => run());
