import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as after } from "node:timers/promises";
import { caughtUp, leaderOf } from "../../support/cluster-view.ts";
import { TestCluster } from "../../support/test-cluster.ts";
import { type Waits, type Window, waitsIn } from "../support/pauses.ts";
import { type LoadReport, RecordedLoad } from "../support/recorded-load.ts";

export interface RollingRestartOptions {
  /** Each restarts every node once. */
  readonly rounds: number;
  readonly clients: number;
  readonly maxThinkMs: number;
  /** How long nothing is done before each restart: what clients wait then is what this machine is good for. In milliseconds. */
  readonly restMs: number;
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly say: (line: string) => void;
}

/** From SIGTERM until the node is back, has caught up, and clients are served: a window in milliseconds. */
interface Restarted extends Window {
  readonly node: number;
  readonly wasLeader: boolean;
  /** For how long this process itself was held up at worst, and could not have heard an answer. In milliseconds. */
  readonly heldUpMs: number;
}

export type Restart = Restarted & Waits;

export interface RollingRestartReport {
  readonly restarts: readonly Restart[];
  /** What clients waited while nothing was done, before each restart. */
  readonly rests: readonly Waits[];
  readonly load: LoadReport;
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

const NODES = 3;

/** Restarts the nodes of a cluster one after another under load: SIGTERM, start, and on when it has caught up. */
export async function rollingRestart(options: RollingRestartOptions): Promise<RollingRestartReport> {
  const cluster = await TestCluster.start({ nodes: NODES, flags: options.flags });
  try {
    const { addresses } = cluster;
    const load = await RecordedLoad.start({ addresses, ...options });
    return await new Rounds(cluster, load, options).run();
  } finally {
    await cluster.stop();
  }
}

class Rounds {
  readonly #cluster: TestCluster;
  readonly #client: ReturnType<TestCluster["client"]>;
  readonly #load: RecordedLoad;
  readonly #options: RollingRestartOptions;
  readonly #rests: Window[] = [];
  readonly #restarts: Restarted[] = [];
  readonly #problems: string[] = [];

  constructor(cluster: TestCluster, load: RecordedLoad, options: RollingRestartOptions) {
    this.#cluster = cluster;
    this.#client = cluster.client();
    this.#load = load;
    this.#options = options;
  }

  async run(): Promise<RollingRestartReport> {
    const { rounds, say } = this.#options;
    const load = await this.#load.during(async () => {
      for (let round = 1; round <= rounds; round += 1) {
        for (const node of this.#cluster.addresses.keys()) await this.#restart(node);
        say(`round ${round} of ${rounds}: ${this.#load.acknowledged} operations acknowledged`);
      }
      say("reading everything back, and judging");
    });
    const { history } = this.#load;
    return {
      restarts: waitsIn(history, this.#restarts, "overlap"),
      rests: waitsIn(history, this.#rests, "begin"),
      load,
      problems: [...load.problems, ...this.#problems],
    };
  }

  async #restart(node: number): Promise<void> {
    const address = this.#cluster.addresses[node] ?? "";
    const leader = await leaderOf(this.#client);
    const restFrom = performance.now();
    await after(this.#options.restMs);
    const from = performance.now();
    this.#rests.push({ from: restFrom, to: from });
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const { code, signal, stderr } = await this.#cluster.kill(node, "SIGTERM");
    if (code !== 0) {
      const how = signal ?? `exit code ${code}`;
      this.#problems.push(`node ${node} ended with ${how} on SIGTERM: ${stderr.trim().split("\n").at(-1)}`);
    }
    await this.#cluster.restart(node);
    await caughtUp(this.#client, address);
    await this.#load.serves();
    delay.disable();
    const to = performance.now();
    const heldUpMs = delay.max / 1e6;
    this.#restarts.push({ node, wasLeader: leader.id === node, heldUpMs, from, to });
  }
}
