import { transportCases } from "@eraft/conformance";
import { describe, test } from "vitest";
import { brokenTransports, harnessOf } from "./fixtures/broken-transports.ts";
import { expectCaught } from "./fixtures/caught.ts";
import { Wire } from "./fixtures/wire.ts";

describe("a transport as it should be", () => {
  for (const { name, run } of transportCases({ ...harnessOf(Wire), patienceMs: 10_000 }))
    test(name, () => run());
});

for (const { flaw, harness, caughtBy } of brokenTransports) {
  test(`a transport that ${flaw} is caught`, () => expectCaught(transportCases(harness), caughtBy));
}
