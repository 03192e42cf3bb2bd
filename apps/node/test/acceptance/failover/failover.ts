import { setTimeout as after } from "node:timers/promises";
import type { KvraftClient } from "@eraft/kv";
import { Random } from "../../chaos/random.ts";
import { type NodeView, caughtUp, leaderOf } from "../../support/cluster-view.ts";
import { TestCluster } from "../../support/test-cluster.ts";
import { type LoadReport, RecordedLoad } from "../support/recorded-load.ts";
import { firstWrite } from "./first-write.ts";

export interface FailoverOptions {
  readonly kills: number;
  readonly clients: number;
  readonly maxThinkMs: number;
  /** How long the cluster is left alone at most before each kill, drawn anew each time: the kill must not follow a timer. In milliseconds. */
  readonly maxRestMs: number;
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly say: (line: string) => void;
}

export interface Failover {
  /** From the kill to the first acknowledgement of a write that was begun after it. */
  readonly repairMs: number;
  /** By how much the term had grown when all nodes were back: one election wins, the rest were in vain. */
  readonly elections: number;
}

export interface FailoverReport {
  readonly failovers: readonly Failover[];
  readonly load: LoadReport;
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

/** Kills the leader with SIGKILL, again and again under load, and measures how long it takes until the cluster serves again. */
export async function failover(options: FailoverOptions): Promise<FailoverReport> {
  const cluster = await TestCluster.start({ flags: options.flags });
  try {
    const load = await RecordedLoad.start({ addresses: cluster.addresses, ...options });
    return await new Kills(cluster, load, options).run();
  } finally {
    await cluster.stop();
  }
}

class Kills {
  readonly #cluster: TestCluster;
  readonly #client: KvraftClient;
  readonly #load: RecordedLoad;
  readonly #options: FailoverOptions;
  readonly #random = new Random(1);
  readonly #failovers: Failover[] = [];
  readonly #problems: string[] = [];

  constructor(cluster: TestCluster, load: RecordedLoad, options: FailoverOptions) {
    this.#cluster = cluster;
    this.#client = cluster.client();
    this.#load = load;
    this.#options = options;
  }

  async run(): Promise<FailoverReport> {
    const { kills, say } = this.#options;
    const load = await this.#load.during(async () => {
      for (let kill = 1; kill <= kills; kill += 1) {
        await after(this.#random.integer(0, this.#options.maxRestMs + 1));
        const { repairMs, elections } = await this.#kill(await leaderOf(this.#client), kill);
        say(`kill ${kill} of ${kills}: ${repairMs.toFixed(0)} ms, elections: ${elections}`);
      }
      say("reading everything back, and judging");
    });
    return { failovers: this.#failovers, load, problems: [...load.problems, ...this.#problems] };
  }

  async #kill({ id, address, term }: NodeView, kill: number): Promise<Failover> {
    const dead = this.#cluster.kill(id);
    const killedMs = performance.now();
    const written = await firstWrite(this.#client, `kill-${kill}`);
    const repairMs = performance.now() - killedMs;
    await dead;
    await this.#cluster.restart(id);
    await caughtUp(this.#client, address);
    await this.#load.serves();
    const found = await this.#client.get(written);
    if (found !== written)
      this.#problems.push(`${written} was acknowledged, and is ${JSON.stringify(found)}`);
    const { term: termAfter } = await leaderOf(this.#client);
    const failover = { repairMs, elections: termAfter - term };
    this.#failovers.push(failover);
    return failover;
  }
}
