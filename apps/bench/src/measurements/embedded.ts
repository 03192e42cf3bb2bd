import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench, Measurement } from "../measurement.ts";
import { NodeProcess } from "../processes/node-process.ts";
import { freePorts } from "../systems/cluster.ts";

const NODES = 3;
const COMMAND_BYTES = 128;
const WINDOW = 4096;
const SETTLE_LIMIT_MS = 30_000;

export const embedded: Measurement = {
  name: "embedded",
  summary: "proposals a second in the leader's own process; three nodes in three processes",
  needs: [],
  run: async (bench) => {
    const perSecond: number[] = [];
    const cpuUs: number[] = [];
    for (let round = 0; round < bench.scale.rounds; round += 1) {
      bench.progress.at(round / bench.scale.rounds, `round ${round + 1} of ${bench.scale.rounds}`);
      const result = await once(bench);
      perSecond.push(result.perSecond);
      cpuUs.push(result.cpuUs);
    }
    const what = `embedded proposals of ${COMMAND_BYTES} bytes, three processes`;
    const cpu = { id: "embedded-cpu", unit: "us", better: "less", eraft: cpuUs, etcd: null } as const;
    return [
      { id: "embedded", what, unit: "/s", better: "more", eraft: perSecond, etcd: null },
      { ...cpu, what: "processor time of all three for each of them" },
    ];
  },
};

interface Loaded {
  readonly perSecond: number;
  /** Microseconds of processor time of all processes for each proposal. */
  readonly cpuUs: number;
}

async function once({ scale, workDir }: Bench): Promise<Loaded> {
  mkdirSync(workDir, { recursive: true });
  const dir = mkdtempSync(join(workDir, "embedded-"));
  const peers = (await freePorts(NODES)).map((port) => `127.0.0.1:${port}`);
  const nodes = peers.map(() => new NodeProcess());
  try {
    const start = (node: NodeProcess, id: number): Promise<unknown> =>
      node.ask({ type: "start", id, peers, dir: join(dir, String(id)) }, "started");
    await Promise.all(nodes.map(start));
    const leads = nodes.map(async (node) => {
      await node.next("leads");
      return node;
    });
    // Those that never lead end with their processes, unanswered.
    for (const asked of leads) asked.catch(() => {});
    const leader = await Promise.race(leads);
    const load = { type: "load", window: WINDOW, commandBytes: COMMAND_BYTES } as const;
    const warm = await leader.ask({ ...load, seconds: scale.warmUpSeconds }, "loaded");
    const cpuUsBefore = await cpuUsOf(nodes);
    const loaded = await leader.ask({ ...load, seconds: scale.loadSeconds }, "loaded");
    const least = warm.acknowledged + loaded.acknowledged;
    await agree(nodes, least, least + warm.unknown + loaded.unknown);
    const cpuUs = ((await cpuUsOf(nodes)) - cpuUsBefore) / loaded.acknowledged;
    return { perSecond: loaded.perSecond, cpuUs };
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(dir, { recursive: true, force: true });
  }
}

async function cpuUsOf(nodes: readonly NodeProcess[]): Promise<number> {
  const states = await Promise.all(nodes.map((node) => node.ask({ type: "look" }, "state")));
  return states.reduce((sum, { cpuUs }) => sum + cpuUs, 0);
}

/** Throws unless every node comes to have applied what was acknowledged, and nothing that was never proposed, in the same order. */
async function agree(nodes: readonly NodeProcess[], least: number, most: number): Promise<void> {
  for (const deadline = performance.now() + SETTLE_LIMIT_MS; ; await sleep(20)) {
    const states = await Promise.all(nodes.map((node) => node.ask({ type: "look" }, "state")));
    const [first] = states;
    const isDone = states.every(
      ({ applied, checksum }) => applied === first?.applied && checksum === first.checksum,
    );
    if (isDone && first !== undefined && first.applied >= least && first.applied <= most) return;
    if (performance.now() < deadline) continue;
    throw new Error(`${least} proposals were acknowledged, and the nodes have ${JSON.stringify(states)}`);
  }
}
