import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster, ClusterNode } from "../systems/cluster.ts";
import { GrpcClient, CallError } from "../systems/grpc-client.ts";
import { Fields } from "../systems/protobuf.ts";
import { keyAt, valueOf } from "./keys.ts";

const CONNECTIONS = 4;
/** Whoever refuses has too much to do. */
const REFUSED_PAUSE_MS = 5;
const CALL_LIMIT_MS = 20_000;

export interface WritePlan {
  readonly writes: number;
  /** They go round as often as there are writes. */
  readonly keys: number;
  readonly valueBytes: number;
  /** How many are under way at a time. */
  readonly width: number;
  readonly onProgress?: (done: number) => void;
}

/**
 * Fills a store: write number i is of key i modulo `keys`. Resolves when all are acknowledged; a refusal is tried again, since filling measures nothing. Slower
 * than h2load, but it reads every answer and knows exactly which keys there are.
 */
export async function write(cluster: Cluster, node: ClusterNode, plan: WritePlan): Promise<void> {
  const { put } = cluster.system;
  let target = node;
  let clients = connect(node);
  const old: GrpcClient[] = [];
  // On a busy machine the leadership may move while a store is filled.
  const followLeader = async (): Promise<void> => {
    const leader = await cluster.leader();
    if (leader === target) return;
    old.push(...clients);
    target = leader;
    clients = connect(leader);
  };
  let done = 0;
  const writeOne = async (worker: number, number: number): Promise<void> => {
    const request = put.encode(keyAt(number % plan.keys), valueOf(plan.valueBytes, number));
    for (const deadline = performance.now() + CALL_LIMIT_MS; ;) {
      try {
        const client = clients[worker % CONNECTIONS] ?? new GrpcClient(target.address);
        const answer = new Fields(await client.call(put.path, request, { timeoutMs: CALL_LIMIT_MS }));
        const refusal = put.refusal(answer);
        if (refusal === null) return;
        throw new CallError(null, refusal);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(REFUSED_PAUSE_MS);
        await followLeader();
      }
    }
  };
  // Each worker has keys of its own, whose writes come one after the other: what was acknowledged last is what has to be there.
  const width = Math.min(plan.width, plan.keys);
  const work = async (worker: number): Promise<void> => {
    for (let round = 0; round < plan.writes; round += plan.keys) {
      for (let key = worker; key < plan.keys && round + key < plan.writes; key += width) {
        await writeOne(worker, round + key);
        done += 1;
        if (done % 1000 === 0) plan.onProgress?.(done);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: width }, (_, at) => work(at)));
  } finally {
    for (const client of [...old, ...clients]) client.close();
  }
}

function connect({ address }: ClusterNode): GrpcClient[] {
  return Array.from({ length: CONNECTIONS }, () => new GrpcClient(address));
}

/** Throws unless every key has the value that was acknowledged last: as many as `samples`, spread over all of them. */
export async function checkWritten(
  cluster: Cluster,
  { writes, keys, valueBytes }: WritePlan,
  samples = 200,
): Promise<void> {
  const leader = await cluster.leader();
  const present = Math.min(writes, keys);
  const step = Math.max(1, Math.floor(present / samples));
  for (let key = 0; key < present; key += step) {
    const last = key + Math.floor((writes - 1 - key) / keys) * keys;
    const value = await cluster.get(leader, keyAt(key));
    if (value === null || !value.equals(valueOf(valueBytes, last))) {
      throw new Error(
        `${cluster.system.name} has acknowledged write ${last} of ${keyAt(key)} and has ${value === null ? "nothing" : `"${value.toString().slice(0, 24)}"`} there`,
      );
    }
  }
}
