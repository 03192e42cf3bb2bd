import { transportCases } from "@eraft/conformance";
import { describe, test } from "vitest";
import { Plain } from "./fixtures/broken-extensions.ts";
import { brokenTransports } from "./fixtures/broken-transports.ts";
import { expectCaught } from "./fixtures/caught.ts";
import { harnessOf } from "./fixtures/transport-flaws.ts";
import { Wire } from "./fixtures/wire.ts";

describe("a transport as it should be", () => {
  for (const { name, run } of transportCases({ ...harnessOf(Wire), patienceMs: 10_000 }))
    test(name, () => run());
});

describe("one that carries no extensions", () => {
  const harness = harnessOf(Plain, { extensions: false });
  for (const { name, run } of transportCases({ ...harness, patienceMs: 10_000 })) test(name, () => run());
});

for (const { flaw, harness, caughtBy } of brokenTransports) {
  test(`a transport that ${flaw} is caught`, () => expectCaught(transportCases(harness), caughtBy));
}
