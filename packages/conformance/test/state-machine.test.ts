import { stateMachineCases } from "@eraft/conformance";
import { describe, expect, test } from "vitest";
import { brokenStateMachines } from "./fixtures/broken-state-machines.ts";
import { expectCaught } from "./fixtures/caught.ts";
import { TallyDisk } from "./fixtures/tally-disk.ts";
import { TALLY_COMMANDS, TALLY_QUERIES, Tally } from "./fixtures/tally.ts";

const harness = {
  create: () => new Tally(),
  commands: TALLY_COMMANDS,
  queries: TALLY_QUERIES,
  supports: { equalSnapshots: true, keepsStateOnRejection: true },
};

describe("a state machine as it should be", () => {
  for (const { name, run } of stateMachineCases(harness)) test(name, () => run());
});

const disk = (): TallyDisk => new TallyDisk();

describe("a state machine on a disk of its own, as it should be", () => {
  const own = { ...harness, create: () => disk().create(), disk };
  for (const { name, run } of stateMachineCases(own)) test(name, () => run());
});

for (const { flaw, harness, caughtBy } of brokenStateMachines) {
  test(`a state machine that ${flaw} is caught`, () => expectCaught(stateMachineCases(harness), caughtBy));
}

test("a harness that could prove nothing is refused", () => {
  expect(() => stateMachineCases({ ...harness, commands: TALLY_COMMANDS.slice(0, 3) })).toThrow(
    "at least 8 commands",
  );
  expect(() => stateMachineCases({ ...harness, commands: [...TALLY_COMMANDS, new Uint8Array(0)] })).toThrow(
    "never empty",
  );
  expect(() => stateMachineCases({ ...harness, queries: [] })).toThrow("at least one query");
});
