import { storageCases } from "@eraft/conformance";
import { MemoryStorage } from "@eraft/storage-memory";
import { test } from "vitest";

// The object is the disk, so it is also what the next storage on this place is.
function create() {
  const storage = new MemoryStorage();
  return { storage: () => storage };
}

for (const { name, run } of storageCases({ create })) test(name, () => run());
