import type { Case } from "../common/case.ts";
import { applyCases, queryCases } from "./apply-cases.ts";
import { DEFAULT_STATE_MACHINE_SUPPORT, type StateMachineHarness } from "./harness.ts";
import { ownDiskCases } from "./own-disk-cases.ts";
import { restoreCases, snapshotCases } from "./snapshot-cases.ts";
import { caseMaker } from "./state-machine-case.ts";
import { supportedCases } from "./supported-cases.ts";

/**
 * One case for every promise in the comments of the `StateMachine` port of `@eraft/core`: several servers apply the same history in
 * different ways, and must not be told apart.
 *
 * @throws RangeError if the harness has too few commands, an empty one, or no query
 */
export function stateMachineCases<Query, Result, Answer>(
  harness: StateMachineHarness<Query, Result, Answer>,
): readonly Case[] {
  const make = caseMaker(harness);
  return [
    ...applyCases(make),
    ...queryCases(make),
    ...snapshotCases(make),
    ...restoreCases(make),
    ...(harness.disk === undefined ? [] : ownDiskCases(make, harness.disk)),
    ...supportedCases(make, { ...DEFAULT_STATE_MACHINE_SUPPORT, ...harness.supports }),
  ];
}
