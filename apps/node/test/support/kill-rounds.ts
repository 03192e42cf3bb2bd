import { Appenders, kvV1Appends, kvraftAppends } from "./appenders.ts";
import { caughtUp, leaderOf } from "./cluster-view.ts";
import { eventually } from "./eventually.ts";
import { digestOnDisk, digestOfItems } from "./state-digest.ts";
import { TestCluster } from "./test-cluster.ts";

export interface KillOptions {
  readonly rounds: number;
  readonly clients: number;
  /** Every so many rounds all nodes are killed at once: then there is nothing but what their disks have. Default 10. */
  readonly allAtOnceEvery?: number;
  /** Further flags of `eraft serve`; default: none, so the product's own timers. */
  readonly flags?: readonly string[];
  readonly onRound?: (round: number, report: KillReport) => void;
}

export interface KillReport {
  readonly rounds: number;
  readonly leaderKills: number;
  /** Rounds in which all nodes were killed at once. */
  readonly allKills: number;
  readonly acknowledged: number;
  readonly unknown: number;
  /** The longest time without an acknowledgement, in milliseconds. */
  readonly worstOutageMs: number;
  /** Rounds after which all nodes had the same keys, values and revisions. */
  readonly equalRounds: number;
  /** Of the whole state, as the disks of all nodes have it in the end; null if they are in memory. */
  readonly stateDigest: string | null;
  readonly faults: readonly string[];
}

/**
 * Kills a node with SIGKILL, `rounds` times, under concurrent appends and nothing else: mostly the leader, else any, now and then all. Each time the cluster has to serve again, the
 * restarted node to catch up, and then the states of all nodes to be the same, before the next round.
 */
export async function killRounds({
  rounds,
  clients,
  allAtOnceEvery = 10,
  flags = [],
  onRound,
}: KillOptions): Promise<KillReport> {
  const cluster = await TestCluster.start({ flags });
  try {
    const client = cluster.client();
    await cluster.leader();
    const clock = new OutageClock();
    const appending = [kvraftAppends(client), kvV1Appends(cluster.kvClient())] as const;
    const appenders = new Appenders(appending, clients, () => clock.served());
    appenders.start();
    await served(clock);
    let [leaderKills, allKills, equalRounds] = [0, 0, 0];
    let stateDigest: string | null = null;
    const faults: string[] = [];
    const report = (done: number): KillReport => ({
      rounds: done,
      leaderKills,
      allKills,
      acknowledged: appenders.acknowledged,
      unknown: appenders.unknown,
      worstOutageMs: Math.round(clock.worstMs),
      equalRounds,
      stateDigest,
      faults,
    });
    for (let round = 1; round <= rounds; round += 1) {
      const { id: leader } = await leaderOf(client);
      const any = Math.random() < 0.75 ? leader : Math.floor(Math.random() * cluster.addresses.length);
      const victims = round % allAtOnceEvery === 0 ? cluster.running : [any];
      if (victims.includes(leader)) leaderKills += 1;
      await Promise.all(victims.map((victim) => cluster.kill(victim)));
      if (victims.length === 1) await served(clock);
      else allKills += 1;
      await Promise.all(victims.map((victim) => cluster.restart(victim)));
      for (const victim of victims) await caughtUp(client, cluster.addresses[victim] ?? "");
      await served(clock);
      await appenders.stop();
      await cluster.converged();
      const states = new Set(await Promise.all(cluster.addresses.map((address) => digestOfItems(address))));
      if (states.size === 1) equalRounds += 1;
      else faults.push(`after round ${round} there are ${states.size} different states`);
      onRound?.(round, report(round));
      if (round === rounds) break;
      clock.resume();
      appenders.start();
    }
    faults.push(...(await appenders.faults()));
    if (flags.includes("--state")) {
      for (const id of cluster.running) await cluster.kill(id, "SIGTERM");
      const digests = await Promise.all(
        cluster.addresses.map((_, id) => digestOnDisk(cluster.dataDir(id), id)),
      );
      stateDigest = digests[0] ?? null;
      if (new Set(digests).size !== 1) faults.push(`the disks have different states: ${digests.join(", ")}`);
    }
    return report(rounds);
  } finally {
    await cluster.stop();
  }
}

/** Measures the longest time between two acknowledgements. */
class OutageClock {
  worstMs = 0;
  count = 0;
  #lastMs = performance.now();

  served(): void {
    const now = performance.now();
    this.worstMs = Math.max(this.worstMs, now - this.#lastMs);
    this.#lastMs = now;
    this.count += 1;
  }

  /** Nobody has asked for anything until now. */
  resume(): void {
    this.#lastMs = performance.now();
  }
}

/** Resolves after another hundred acknowledgements: those on their way at a kill do not count as service. */
async function served(clock: OutageClock): Promise<void> {
  const target = clock.count + 100;
  await eventually(() => {
    if (clock.count < target) throw new Error("nobody serves");
  });
}
