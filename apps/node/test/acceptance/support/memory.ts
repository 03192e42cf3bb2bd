import { readFile } from "node:fs/promises";

/** What a process used of memory at one moment, in bytes. */
export interface MemorySample {
  /** Wall clock, in milliseconds. */
  readonly atMs: number;
  /** The heap of JavaScript, with what nobody needs any more and the collector has not seen to. */
  readonly heapBytes: number;
  /** Outside of it: buffers above all. */
  readonly externalBytes: number;
  /** What the system counts as its memory. */
  readonly residentBytes: number;
}

/** Arguments for Node that make a program append a {@link MemorySample} a line to `file`, several a second. */
export function probeArgs(file: string): readonly string[] {
  const probe = new URL("memory-probe.ts", import.meta.url);
  probe.searchParams.set("file", file);
  return ["--import", probe.href];
}

export async function readSamples(file: string): Promise<readonly MemorySample[]> {
  const text = await readFile(file, "utf8");
  // What comes after the last newline is still being written.
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as MemorySample);
}

/**
 * The least of each figure among the samples from `fromMs` on: about what was left by the garbage collector, which is what can leak. Null if there
 * are none.
 */
export function leastSince(samples: readonly MemorySample[], fromMs: number): MemorySample | null {
  const recent = samples.filter(({ atMs }) => atMs >= fromMs);
  const last = recent.at(-1);
  if (last === undefined) return null;
  const least = (figure: (sample: MemorySample) => number): number => Math.min(...recent.map(figure));
  return {
    atMs: last.atMs,
    heapBytes: least(({ heapBytes }) => heapBytes),
    externalBytes: least(({ externalBytes }) => externalBytes),
    residentBytes: least(({ residentBytes }) => residentBytes),
  };
}
