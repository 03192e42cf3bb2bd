import type { Case } from "../common/case.ts";
import { closeCases, sizeCases } from "./close-and-size-cases.ts";
import { configurationCases } from "./configuration-cases.ts";
import { damageCases } from "./damage-cases.ts";
import { DEFAULT_STORAGE_SUPPORT, type StorageHarness, type StorageSite } from "./harness.ts";
import { openCases, writeCases } from "./open-and-write-cases.ts";
import { orderCases } from "./order-cases.ts";
import { powerLossCases } from "./power-loss-cases.ts";
import { readSnapshotCases, snapshotCases } from "./snapshot-cases.ts";
import { caseMaker } from "./storage-case.ts";
import { killCases, workloadCases } from "./workload-cases.ts";

/**
 * One case for every promise in the comments of the `Storage` port of `@eraft/core`: what is read back after each kind of write, what
 * a snapshot leaves of the log, that configurations stay as they are, what is refused, and what a killed process and a power loss leave.
 */
export function storageCases<Site extends StorageSite>(harness: StorageHarness<Site>): readonly Case[] {
  const supports = { ...DEFAULT_STORAGE_SUPPORT, ...harness.supports };
  const make = caseMaker(harness);
  return [
    ...openCases(make, supports),
    ...damageCases(make, harness),
    ...writeCases(make, supports),
    ...snapshotCases(make, supports),
    ...readSnapshotCases(make, supports),
    ...configurationCases(make, supports),
    ...orderCases(make),
    ...sizeCases(make),
    ...closeCases(make),
    ...workloadCases(make, supports),
    ...(supports.kill ? killCases(make) : []),
    ...(supports.powerLoss ? powerLossCases(make, supports) : []),
  ];
}
