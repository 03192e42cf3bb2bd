import type { Scale } from "./measurement.ts";

const KIB = 1024;
const MIB = KIB * KIB;

/** Seconds in all: does every measurement still work, and are the answers right? Its numbers mean nothing. */
export const SMOKE: Scale = {
  name: "smoke",
  rounds: 1,
  loadSeconds: 0.2,
  warmUpSeconds: 0.1,
  aloneWarmUpSeconds: 0.1,
  clusterSizes: [1, 3],
  valueSizes: [16, 64 * KIB],
  keys: 100,
  startUpEntries: 500,
  snapshotBytes: 4 * MIB,
  memoryWrites: 500,
  memoryKeys: 100,
  growthEntries: [500, 1000],
};

export const NORMAL: Scale = {
  name: "normal",
  rounds: 5,
  loadSeconds: 4,
  warmUpSeconds: 2,
  aloneWarmUpSeconds: 30,
  clusterSizes: [1, 3, 5],
  valueSizes: [16, 128, KIB, 16 * KIB, 128 * KIB, MIB],
  keys: 10_000,
  startUpEntries: 1_000_000,
  snapshotBytes: 64 * MIB,
  memoryWrites: 1_000_000,
  memoryKeys: 100_000,
  growthEntries: [10_000, 1_000_000],
};

export const FULL: Scale = {
  ...NORMAL,
  name: "full",
  loadSeconds: 10,
  snapshotBytes: 512 * MIB,
  growthEntries: [10_000, 100_000, 1_000_000, 10_000_000],
};
