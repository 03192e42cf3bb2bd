import { storageCases } from "@eraft/conformance";
import { test } from "vitest";
import { brokenStorages } from "./fixtures/broken-storages.ts";
import { expectCaught } from "./fixtures/caught.ts";

for (const { flaw, harness, caughtBy } of brokenStorages) {
  test(`a storage that ${flaw} is caught`, () => expectCaught(storageCases(harness), caughtBy));
}
