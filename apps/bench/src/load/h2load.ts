import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface H2loadPlan {
  /** HOST:PORT. */
  readonly address: string;
  readonly path: string;
  readonly bodyFile: string;
  readonly connections: number;
  readonly streams: number;
  readonly requests: number;
  /** Requests a second in all; as fast as it goes without. */
  readonly ratePerSecond?: number;
  /** Where the time of each request is written to; null for nowhere. */
  readonly logFile?: string;
}

export interface H2loadResult {
  readonly perSecond: number;
  /** Bytes of the answers' messages, with their frames. */
  readonly answerBytes: number;
}

/** The version of h2load; null if it is not installed. */
export function h2loadVersion(): string | null {
  const { error, stdout } = spawnSync("h2load", ["--version"], { encoding: "utf8" });
  if (error !== undefined) return null;
  return /nghttp2\/(\S+)/.exec(stdout)?.[1] ?? stdout.trim();
}

/** One run of h2load. Throws if a request got no answer with status 200. */
export async function runH2load(plan: H2loadPlan): Promise<H2loadResult> {
  const { address, path, connections, ratePerSecond, logFile } = plan;
  const args = [
    "-c",
    String(connections),
    "-m",
    String(plan.streams),
    "-n",
    String(plan.requests),
    "-d",
    plan.bodyFile,
    "-H",
    "content-type: application/grpc",
    "-H",
    "te: trailers",
    ...(ratePerSecond === undefined ? [] : ["--rps", (ratePerSecond / connections).toFixed(2)]),
    ...(logFile === undefined ? [] : ["--log-file", logFile]),
    `http://${address}${path}`,
  ];
  const child = spawn("h2load", args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  return resultOf(text, plan.requests);
}

/** Reads what h2load prints. Throws for a run in which not all was answered. */
export function resultOf(text: string, requests: number): H2loadResult {
  const perSecond = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(text)?.[1]);
  const succeeded = Number(/(\d+) 2xx/.exec(text)?.[1]);
  const answerBytes = Number(/\((\d+)\) data/.exec(text)?.[1]);
  if (succeeded !== requests || !(perSecond > 0) || Number.isNaN(answerBytes)) {
    throw new Error(`h2load: not all ${requests} requests were answered:\n${text}`);
  }
  return { perSecond, answerBytes };
}

/** The milliseconds that each request took, of a log that h2load has written. */
export function latenciesOf(logFile: string): Float64Array {
  const lines = readFileSync(logFile, "utf8").trimEnd().split("\n");
  return Float64Array.from(lines, (line) => Number(line.split("\t")[2]) / 1000);
}
