import type { Measurement } from "../measurement.ts";
import { VALUE_BYTES, throughput } from "./throughput.ts";

export const puts: Measurement = {
  name: "puts",
  summary: "puts a second, three nodes, h2load with 8 connections of 64 streams",
  needs: ["h2load"],
  run: (bench) =>
    throughput(bench, {
      row: { id: "puts", what: "puts, 8 x 64" },
      method: "put",
      nodes: 3,
      valueBytes: VALUE_BYTES,
    }),
};
