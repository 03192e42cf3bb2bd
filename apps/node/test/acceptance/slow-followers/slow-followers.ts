import type { KvraftClient } from "@eraft/kv";
import { setTimeout as after } from "node:timers/promises";
import { type NodeView, electionProblems, leaderOf } from "../../support/cluster-view.ts";
import { ChangingCluster } from "../support/changing-cluster.ts";
import { slopeOf } from "../support/distribution.ts";
import { FullLoad } from "../support/full-load.ts";
import { type MemorySample, leastSince } from "../support/memory.ts";
import { nodeStatus } from "../support/node-status.ts";

export interface SlowFollowersOptions {
  readonly durationMs: number;
  /** Between two looks at the leader's memory. */
  readonly sampleMs: number;
  /** Bytes that get through to the slow follower in a second, on each connection. */
  readonly slowBytesPerSecond: number;
  readonly clients: number;
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly onSample: (sample: LeaderSample) => void;
}

/** How the leader was doing at one moment. */
export interface LeaderSample {
  /** Since the load began. */
  readonly elapsedMs: number;
  /** The least of each since the sample before. */
  readonly memory: MemorySample;
  readonly acknowledged: number;
  /** Log entries that the slow follower has not confirmed. */
  readonly lag: number;
}

/** By how many bytes in a minute something grew, by the second half of the samples. */
export interface Growth {
  /** Heap and what is kept outside of it. */
  readonly heapBytes: number;
  readonly residentBytes: number;
}

export interface SlowFollowersReport {
  readonly samples: readonly LeaderSample[];
  readonly growth: Growth;
  readonly acknowledged: number;
  /** Bytes that got through to the slow follower. */
  readonly sentToSlow: number;
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

const NODES = 5;
const DEAD = 3;
const SLOW = 4;

/** Full load on a leader of five nodes, one of which is dead and one hard to reach. */
export async function slowFollowers(options: SlowFollowersOptions): Promise<SlowFollowersReport> {
  const { flags } = options;
  const cluster = await ChangingCluster.launch({
    founders: NODES,
    joiners: 0,
    proxied: [SLOW],
    flags,
    measuresMemory: true,
  });
  try {
    const client = cluster.client();
    await leadByOther(cluster, client);
    const leader = await leaderOf(client);
    await cluster.kill(DEAD);
    cluster.proxy(SLOW).disturb("forward", { bytesPerSecond: options.slowBytesPerSecond });
    return await watch(cluster, client, leader, options);
  } finally {
    await cluster.stop();
  }
}

/** Makes sure that neither the one that is to die nor the one that is to be slow leads. */
async function leadByOther(cluster: ChangingCluster, client: KvraftClient): Promise<void> {
  const { id } = await leaderOf(client);
  if (id !== DEAD && id !== SLOW) return;
  const { code, stderr } = await cluster.run("transfer", "--to", "0");
  if (code !== 0) throw new Error(`eraft transfer: exit code ${code}: ${stderr.trim()}`);
}

async function watch(
  cluster: ChangingCluster,
  client: KvraftClient,
  leader: NodeView,
  options: SlowFollowersOptions,
): Promise<SlowFollowersReport> {
  const { durationMs, sampleMs, clients, onSample } = options;
  const load = new FullLoad(cluster.addresses.slice(0, DEAD), clients);
  try {
    const samples: LeaderSample[] = [];
    const startMs = performance.now();
    for (let dueMs = sampleMs; dueMs <= durationMs; dueMs += sampleMs) {
      await after(Math.max(0, startMs + dueMs - performance.now()));
      const { memory, lag } = await sampleLeader(cluster, leader, sampleMs);
      const sample = {
        elapsedMs: performance.now() - startMs,
        memory,
        lag,
        acknowledged: load.acknowledged,
      };
      samples.push(sample);
      onSample(sample);
    }
    await load.stop();
    return {
      samples,
      growth: growthOf(samples),
      acknowledged: load.acknowledged,
      sentToSlow: cluster.proxy(SLOW).passed("forward"),
      problems: [...load.problems, ...electionProblems(leader, await leaderOf(client))],
    };
  } finally {
    load.abort();
  }
}

async function sampleLeader(
  cluster: ChangingCluster,
  { id, address }: NodeView,
  sampleMs: number,
): Promise<Pick<LeaderSample, "memory" | "lag">> {
  const memory = leastSince(await cluster.memory(id), Date.now() - sampleMs);
  if (memory === null) throw new Error(`node ${id} has not said what it uses of memory for ${sampleMs} ms`);
  const { lastLogIndex, peers } = await nodeStatus(address);
  const slow = peers.find((peer) => peer.id === BigInt(SLOW));
  return { memory, lag: Number(lastLogIndex - (slow?.matchIndex ?? 0n)) };
}

/** By the second half: the first has the warm-up in it, and fills what is bounded. */
function growthOf(samples: readonly LeaderSample[]): Growth {
  const half = samples.slice(Math.floor(samples.length / 2));
  const slope = (bytes: (memory: MemorySample) => number): number =>
    slopeOf(half.map(({ elapsedMs, memory }) => ({ x: elapsedMs / 60_000, y: bytes(memory) })));
  return {
    heapBytes: slope(({ heapBytes, externalBytes }) => heapBytes + externalBytes),
    residentBytes: slope(({ residentBytes }) => residentBytes),
  };
}
