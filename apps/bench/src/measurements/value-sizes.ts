import type { Measurement, Row } from "../measurement.ts";
import { partOf } from "../rounds.ts";
import { CONNECTIONS, STREAMS, throughput } from "./throughput.ts";

const KIB = 1024;
/** More than this is not kept under way. It would be told nothing of speed by a queue of a quarter of a second, for which eraft refuses newcomers as busy. */
const MAX_BYTES_UNDER_WAY = 2 * KIB * KIB;
/** A megabyte as it is counted by those who set limits leaves no room for the key. */
const LARGEST = KIB * KIB - KIB;

export const valueSizes: Measurement = {
  name: "value-sizes",
  summary: "puts a second of values from 16 bytes to 1 MiB, three nodes",
  needs: ["h2load"],
  run: async (bench) => {
    const rows: Row[] = [];
    const sizes = bench.scale.valueSizes;
    for (const [at, size] of sizes.entries()) {
      const valueBytes = Math.min(size, LARGEST);
      const wide = Math.floor(MAX_BYTES_UNDER_WAY / size);
      const connections = Math.min(CONNECTIONS, wide);
      const streams = Math.min(STREAMS, Math.max(1, Math.floor(wide / connections)));
      const row = { id: `puts-of-${size}-bytes`, what: `puts of ${sizeText(size)}` };
      rows.push(
        ...(await throughput(partOf(bench, at, sizes.length), {
          row,
          method: "put",
          nodes: 3,
          valueBytes,
          connections,
          streams,
          rounds: Math.min(3, bench.scale.rounds),
        })),
      );
    }
    return rows;
  },
};

function sizeText(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  return bytes < KIB * KIB ? `${bytes / KIB} KiB` : `${bytes / KIB / KIB} MiB`;
}
