import type { Measurement } from "../measurement.ts";
import { VALUE_BYTES, throughput } from "./throughput.ts";

export const reads: Measurement = {
  name: "reads",
  summary: "linearizable reads a second, three nodes, h2load with 8 connections of 64 streams",
  needs: ["h2load"],
  run: (bench) =>
    throughput(bench, {
      row: { id: "reads", what: "linearizable reads, 8 x 64" },
      method: "get",
      nodes: 3,
      valueBytes: VALUE_BYTES,
    }),
};
