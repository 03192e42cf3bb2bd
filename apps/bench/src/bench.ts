import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { Arguments } from "./args.ts";
import { h2loadVersion } from "./load/h2load.ts";
import { describeMachine } from "./machine.ts";
import { MEASUREMENTS } from "./measurements/index.ts";
import { ProgressLine } from "./progress.ts";
import { describe, readResults, writeDocument } from "./report/document.ts";
import { type Measured, type Results, merge } from "./report/results.ts";
import { textTable } from "./report/table.ts";
import { eraft } from "./systems/eraft.ts";
import { findEtcd } from "./systems/etcd.ts";

/** Where a run shows what it does. */
export type Terminal = ConstructorParameters<typeof ProgressLine>[0];

/** Runs the measurements and shows, and writes, what comes of them. Rejects with the first wrong answer. */
export async function bench(args: Arguments, terminal: Terminal): Promise<Results> {
  const line = new ProgressLine(terminal);
  const ours = eraft();
  const etcd = args.withEtcd ? findEtcd() : null;
  const h2load = h2loadVersion();
  if (args.withEtcd && etcd === null) {
    line.print("etcd is not installed (Debian: apt-get install etcd-server): eraft is measured alone.");
  }
  const systems = etcd === null ? [ours] : [ours, etcd];
  const measured: Measured[] = [];
  // What is there already may be somebody's.
  const isOwnDir = mkdirSync(args.workDir, { recursive: true }) !== undefined;
  try {
    const versions = { eraft: ours.version, etcd: etcd?.version ?? null, h2load };
    const results = { machine: describeMachine(args.workDir), versions, measured };
    line.print(describe(results));
    for (const [at, measurement] of args.measurements.entries()) {
      const { name, needs } = measurement;
      if (needs.includes("h2load") && h2load === null) {
        line.print(`${name}: left out, h2load is not installed (Debian: apt-get install nghttp2-client)`);
        continue;
      }
      const progress = line.measurement(name, at, args.measurements.length);
      progress.at(0, "starting");
      const { scale, workDir } = args;
      const rows = await measurement.run({ scale, systems, workDir, progress });
      measured.push({ name, scale: scale.name, rows });
      // An evening's work is not to be lost to what goes wrong at its end.
      write(args, results);
      line.print(`\n${textTable(rows)}`);
    }
    line.end();
    if (measured.length > 1) line.print(`\n${textTable(measured.flatMap(({ rows }) => rows))}`);
    return results;
  } finally {
    line.end();
    if (isOwnDir) rmSync(args.workDir, { recursive: true, force: true });
  }
}

function write({ json, out }: Arguments, results: Results): void {
  if (json !== null) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`);
  if (out === null) return;
  const order = MEASUREMENTS.map(({ name }) => name);
  writeDocument(out, merge(readResults(out), results, order));
}
