import type { Row } from "../measurement.ts";
import type { Results } from "./results.ts";
import { type Pair, type Point, barChart, lineChart } from "./svg.ts";
import { amount, verdictOf } from "./verdict.ts";

export interface Plot {
  /** Of the file, without its extension. */
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** A plot for everything that was measured and is easier to see than to read. */
export function plotsOf({ measured }: Results): Plot[] {
  const rows = measured.flatMap((one) => one.rows);
  const within = (pattern: RegExp): Row[] => rows.filter(({ id }) => pattern.test(id));
  const plots: Plot[] = [];
  const add = (name: string, title: string, svg: (title: string) => string, shown: readonly Row[]): void => {
    if (shown.length > 0) plots.push({ name, title, svg: svg(title) });
  };
  const throughput = within(/^(?:puts|reads|stream)$/);
  add("throughput", "Requests a second, three nodes", bars(throughput, "/s"), throughput);
  const sizes = within(/^puts-\d-nodes$/);
  add("cluster-sizes", "Puts a second, by the size of the cluster", bars(sizes, "/s"), sizes);
  const values = within(/^puts-of-\d+-bytes$/);
  add("value-sizes", "Puts a second, by the size of the value", lines(values, "/s"), values);
  const latency = within(/^latency-/);
  add("latency", "Latency of a put", bars(latency, "ms"), latency);
  const times = within(/^(?:failover|start-up|snapshot)$/);
  add("times", "How long it takes", bars(times, "ms"), times);
  const memory = within(/^memory/);
  add("memory", "Resident memory of a node", bars(memory, "MB"), memory);
  const growth = within(/^us-per-put-after-\d+$/);
  add("growth", "Time a put, by the entries before it", lines(growth, "us"), growth);
  return plots;
}

const bars = (shown: readonly Row[], unit: string) => (title: string) =>
  barChart(pairsOf(shown), { title, show: (value) => amount(value, unit) });

const lines = (shown: readonly Row[], unit: string) => (title: string) =>
  lineChart(pointsOf(shown), { title, show: (value) => amount(value, unit) });

function pairsOf(rows: readonly Row[]): Pair[] {
  return rows.map((row) => {
    const { eraft, etcd } = verdictOf(row);
    return { label: short(row.what), eraft, etcd };
  });
}

/** The number in the id of a row is where it stands. */
function pointsOf(rows: readonly Row[]): Point[] {
  return rows.map((row) => {
    const { eraft, etcd } = verdictOf(row);
    return {
      x: Number(/\d+/.exec(row.id)?.[0]),
      label: short(row.what).split(" ").slice(-2).join(" "),
      eraft,
      etcd,
    };
  });
}

/** The space beside a bar is for a few words. */
function short(what: string): string {
  return what
    .replace(/^put latency(?:, | )/, "")
    .replace(/^time a put after /, "")
    .replace(/^puts of /, "")
    .replace(/^puts over one session stream.*/, "puts, session stream")
    .replace(/^from kill -9.*/, "kill -9 to next put")
    .replace(/^start-up with.*/, "start-up, long log")
    .replace(/^a node that was away.*/, "catch up by snapshot")
    .replace(/^resident memory of (the leader|a node) after.*/, "$1");
}
