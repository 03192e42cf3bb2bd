import type { Verdict } from "@eraft/linearizability";

export interface FaultCount {
  readonly kind: string;
  readonly count: number;
  /** Why there are none, where this machine does not permit them. */
  readonly unavailable: string | null;
}

export interface ChaosReport {
  readonly seed: number;
  readonly nodes: number;
  readonly storage: string;
  /** Of load and faults; the time for the last reads and the verdict is not part of it. */
  readonly minutes: number;
  readonly operations: number;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly failed: number;
  readonly keys: number;
  /** The longest time without an answer to anybody, in milliseconds. */
  readonly worstOutageMs: number;
  readonly faults: readonly FaultCount[];
  readonly verdict: Verdict;
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
  /** Where history, pictures, logs and data are kept, null if all is well. */
  readonly evidence: string | null;
}

/** Whether all is well. */
export function isGood({ verdict, problems }: Pick<ChaosReport, "verdict" | "problems">): boolean {
  return verdict === "linearizable" && problems.length === 0;
}

const MAX_PROBLEMS = 20;

/** The report for people, in lines. */
export function formatReport(report: ChaosReport): string {
  const { seed, nodes, storage, minutes, operations, acknowledged, unknown, failed, keys } = report;
  const width = Math.max(...report.faults.map(({ kind }) => kind.length));
  return [
    `${nodes} nodes, --storage ${storage}, ${minutes.toFixed(1)} minutes, seed ${seed}`,
    `${operations} operations on ${keys} keys: ${acknowledged} acknowledged, ${unknown} unknown, ${failed} failed`,
    `worst outage ${(report.worstOutageMs / 1000).toFixed(1)} s`,
    "faults:",
    ...report.faults.map(({ kind, count, unavailable }) => {
      const what = unavailable === null ? String(count).padStart(5) : `not available here: ${unavailable}`;
      return `  ${kind.padEnd(width)}  ${what}`;
    }),
    `verdict: ${report.verdict}`,
    report.problems.length === 0 ? "nothing acknowledged is lost" : `${report.problems.length} problems:`,
    ...report.problems.slice(0, MAX_PROBLEMS).map((problem) => `  ${problem}`),
    ...(report.evidence === null ? [] : [`history, pictures, logs and data are in ${report.evidence}`]),
  ].join("\n");
}
