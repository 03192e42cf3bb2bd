import { Appenders } from "./appenders.ts";
import { caughtUp, leaderOf } from "./cluster-view.ts";
import { eventually } from "./eventually.ts";
import { TestCluster } from "./test-cluster.ts";

export interface KillOptions {
  readonly rounds: number;
  readonly clients: number;
  /** Further flags of `eraft serve`; default: none, so the product's own timers. */
  readonly flags?: readonly string[];
  readonly onRound?: (round: number, report: KillReport) => void;
}

export interface KillReport {
  readonly rounds: number;
  readonly leaderKills: number;
  readonly acknowledged: number;
  readonly unknown: number;
  /** The longest time without an acknowledgement, in milliseconds. */
  readonly worstOutageMs: number;
  readonly faults: readonly string[];
}

/**
 * Kills a node with SIGKILL, `rounds` times, under concurrent appends: mostly the leader, else any. Each time the cluster has to serve again, and the
 * restarted node to catch up, before the next round.
 */
export async function killRounds({ rounds, clients, flags = [], onRound }: KillOptions): Promise<KillReport> {
  const cluster = await TestCluster.start({ flags });
  try {
    const client = cluster.client();
    await cluster.leader();
    const clock = new OutageClock();
    const appenders = new Appenders(client, clients, () => clock.served());
    appenders.start();
    await served(clock);
    let leaderKills = 0;
    let faults: readonly string[] = [];
    const report = (done: number): KillReport => ({
      rounds: done,
      leaderKills,
      acknowledged: appenders.acknowledged,
      unknown: appenders.unknown,
      worstOutageMs: Math.round(clock.worstMs),
      faults,
    });
    for (let round = 1; round <= rounds; round += 1) {
      const { id: leader } = await leaderOf(client);
      const victim = Math.random() < 0.75 ? leader : Math.floor(Math.random() * cluster.addresses.length);
      if (victim === leader) leaderKills += 1;
      await cluster.kill(victim);
      await served(clock);
      await cluster.restart(victim);
      await caughtUp(client, cluster.addresses[victim] ?? "");
      onRound?.(round, report(round));
    }
    await appenders.stop();
    await cluster.converged();
    faults = await appenders.faults();
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
}

/** Resolves after another hundred acknowledgements: those on their way at a kill do not count as service. */
async function served(clock: OutageClock): Promise<void> {
  const target = clock.count + 100;
  await eventually(() => {
    if (clock.count < target) throw new Error("nobody serves");
  });
}
