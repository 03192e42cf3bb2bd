import type { Case } from "../common/case.ts";
import { connectionCases } from "./connection-cases.ts";
import { extensionCases } from "./extension-cases.ts";
import { DEFAULT_TRANSPORT_SUPPORT, type TransportHarness } from "./harness.ts";
import { runningCases, startCases } from "./lifecycle-cases.ts";
import { sendCases } from "./send-cases.ts";
import { snapshotCases } from "./snapshot-cases.ts";
import { caseMaker } from "./transport-case.ts";

/**
 * One case for every promise in the comments of the `Transport` port of `@eraft/core`. The kit sends only what a correct server sends, a
 * response only to a request that was received (unless `oneWayResponses` is declared), and repeats what gets lost.
 */
export function transportCases(harness: TransportHarness): readonly Case[] {
  const supports = { ...DEFAULT_TRANSPORT_SUPPORT, ...harness.supports };
  const [idle, running] = [caseMaker(harness, false), caseMaker(harness, true)];
  return [
    ...startCases(idle, supports),
    ...sendCases(running, supports),
    ...extensionCases(running, supports),
    ...runningCases(running),
    ...connectionCases(idle, running, supports),
    ...snapshotCases(running, supports),
  ];
}
