import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { median } from "./stats.ts";

/** What the numbers depend on. Nothing in it says whose machine it is. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly kernel: string;
  /** The median of appending 4 KiB to a file and waiting for the disk, in microseconds. */
  readonly fdatasyncUs: number;
  readonly node: string;
}

const SYNCS = 500;
const BLOCK_BYTES = 4096;

export function describeMachine(workDir: string): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fdatasyncUs: Math.round(fdatasyncUs(workDir)),
    node: process.versions.node,
  };
}

function fdatasyncUs(dir: string): number {
  const path = join(dir, "fdatasync");
  const file = openSync(path, "w");
  try {
    const block = Buffer.alloc(BLOCK_BYTES, 1);
    const times = Array.from({ length: SYNCS }, () => {
      const from = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      return (performance.now() - from) * 1000;
    });
    return median(times);
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
