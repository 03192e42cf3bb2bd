import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster, ClusterNode } from "../systems/cluster.ts";
import { type H2loadResult, latenciesOf, runH2load } from "./h2load.ts";
import { KeySpinner } from "./key-spinner.ts";
import { valueOf } from "./keys.ts";

/** How many requests it takes to know how fast a system is. */
const PROBE_REQUESTS = 200;
const SETTLE_LIMIT_MS = 60_000;
const ATTEMPTS = 3;

export interface LoadPlan {
  readonly method: "put" | "get";
  readonly valueBytes: number;
  readonly keys: number;
  readonly connections: number;
  readonly streams: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** In all; as fast as it goes without. */
  readonly ratePerSecond?: number;
  /** Whether the time of each request is wanted: h2load has to write it down then, which is not for nothing. */
  readonly timesEach?: boolean;
  readonly workDir: string;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Microseconds of processor time of all servers together for each request. */
  readonly cpuUs: number;
  /** Of each request, if `timesEach`. */
  readonly latenciesMs: Float64Array;
}

/**
 * Drives one server with h2load, first to warm it up, then for the record; and checks that everything acknowledged was done.
 *
 * A load that counts is one in which nothing was refused: of one that a server could not stand, three times, nothing is said but that, 0 a second.
 */
export async function load(cluster: Cluster, node: ClusterNode, plan: LoadPlan): Promise<LoadResult> {
  const method = cluster.system[plan.method];
  const value = valueOf(plan.valueBytes, 0);
  const name = join(plan.workDir, `${cluster.system.name}-${plan.method}`);
  const logFile = plan.timesEach === true ? `${name}.log` : null;
  const spinner = new KeySpinner(`${name}.body`, plan.keys, (key) => method.encode(key, value));
  const wide = plan.connections * plan.streams;
  let target = node;
  const send = (requests: number, log: string | null = null): Promise<H2loadResult> => {
    const { connections, streams, ratePerSecond } = plan;
    return runH2load({
      address: target.address,
      path: method.path,
      bodyFile: spinner.path,
      connections,
      streams,
      requests,
      ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
      ...(log === null ? {} : { logFile: log }),
    });
  };
  const least = plan.ratePerSecond === undefined ? wide : plan.connections;
  const lasting = (seconds: number, perSecond: number): number =>
    Math.max(least, Math.round(seconds * (plan.ratePerSecond ?? perSecond)));
  try {
    const probe = await send(plan.ratePerSecond === undefined ? Math.max(wide, PROBE_REQUESTS) : least);
    const warm = await send(lasting(plan.warmUpSeconds, probe.perSecond));
    const requests = lasting(plan.seconds, warm.perSecond);
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const before = await cluster.state(target);
      const cpuMsBefore = cluster.cpuMs();
      const { perSecond, answerBytes } = await send(requests, logFile);
      const cpuUs = ((cluster.cpuMs() - cpuMsBefore) * 1000) / requests;
      if (!method.fits(answerBytes, requests, plan.valueBytes)) {
        // Too much for it, or it leads no more.
        target = await cluster.leader();
        continue;
      }
      if (plan.method === "put") await checkDone(cluster, target, before.writes + BigInt(requests));
      const latenciesMs = logFile === null ? new Float64Array(0) : latenciesOf(logFile);
      return { perSecond, cpuUs, latenciesMs };
    }
    return { perSecond: 0, cpuUs: Number.NaN, latenciesMs: new Float64Array(0) };
  } finally {
    spinner.close();
    for (const file of [spinner.path, logFile]) if (file !== null) rmSync(file, { force: true });
  }
}

/** Every server has to come to as many writes as were acknowledged. */
async function checkDone(cluster: Cluster, leader: ClusterNode, least: bigint): Promise<void> {
  const { writes } = await cluster.state(leader);
  if (writes < least) {
    throw new Error(`${cluster.system.name} has acknowledged ${least} writes, and ${writes} are there`);
  }
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  for (const node of cluster.nodes) {
    while ((await cluster.state(node)).writes < least) {
      if (performance.now() > deadline) {
        throw new Error(`${cluster.system.name}: server ${node.id} does not come to ${least} writes`);
      }
      await sleep(20);
    }
  }
}
