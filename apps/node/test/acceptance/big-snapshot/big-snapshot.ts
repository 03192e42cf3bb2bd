import type { KvraftClient } from "@eraft/kv";
import { setTimeout as after } from "node:timers/promises";
import type { LinkProxy } from "../../chaos/proxy/link-proxy.ts";
import { caughtUp, electionProblems, leaderOf } from "../../support/cluster-view.ts";
import { BigState } from "../support/big-state.ts";
import { ChangingCluster } from "../support/changing-cluster.ts";
import { nodeStatus } from "../support/node-status.ts";
import type { Window } from "../support/pauses.ts";
import { SteadyPuts } from "../support/steady-puts.ts";

export interface BigSnapshotOptions {
  /** Of the state, in bytes. */
  readonly sizeBytes: number;
  readonly putsPerSecond: number;
  /** How long puts go on before the new follower comes, in milliseconds. */
  readonly beforeMs: number;
  /** Bytes over the link to the new follower, as a multiple of the size, above which the transfer cannot have been resumed. */
  readonly maxSentShare: number;
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly say: (line: string) => void;
}

export interface BigSnapshotReport {
  readonly sizeBytes: number;
  /** Over the link to the new follower, log and heartbeats included. */
  readonly sentBytes: number;
  /** From the start of its process until it was a voter. */
  readonly tookMs: number;
  readonly cuts: number;
  /** By how much the term has grown meanwhile. */
  readonly elections: number;
  /** Latencies of puts, in milliseconds. */
  readonly before: readonly number[];
  readonly during: readonly number[];
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

const FOUNDERS = 3;
const NEWCOMER = 3;
/** Of the state, when this much of it has gone over the link, that is cut. */
const CUT_AT = [1 / 4, 1 / 2, 3 / 4];
/** Nobody gets through for so long. */
const CUT_MS = 300;
const CHECKED_VALUES = 64;

/** A new follower gets a big snapshot over a link that breaks, while puts go on. */
export async function bigSnapshot(options: BigSnapshotOptions): Promise<BigSnapshotReport> {
  const { flags } = options;
  const cluster = await ChangingCluster.launch({
    founders: FOUNDERS,
    joiners: 1,
    proxied: [NEWCOMER],
    flags,
  });
  try {
    const client = cluster.client();
    const state = new BigState(client, options.sizeBytes);
    await fill(cluster, client, state, options);
    return await new Newcomer(cluster, client, state, options).run();
  } finally {
    await cluster.stop();
  }
}

/** Resolves once every node has a snapshot that has all of it: nobody is to take one while latencies are measured. */
async function fill(
  cluster: ChangingCluster,
  client: KvraftClient,
  state: BigState,
  { say }: BigSnapshotOptions,
): Promise<void> {
  await state.write((bytes) => say(`written ${mib(bytes)} of ${mib(state.sizeBytes)}`));
  const { commitIndex } = await leaderOf(client);
  const founders = cluster.addresses.slice(0, FOUNDERS);
  await state.rewriteUntil(async () => {
    const indexes = (await Promise.all(founders.map(nodeStatus))).map(({ snapshotIndex }) =>
      Number(snapshotIndex),
    );
    return indexes.every((index) => index >= commitIndex);
  });
  for (const address of founders) await caughtUp(client, address);
  say("all of it is in snapshots");
}

class Newcomer {
  readonly #cluster: ChangingCluster;
  readonly #client: KvraftClient;
  readonly #state: BigState;
  readonly #options: BigSnapshotOptions;
  readonly #proxy: LinkProxy;

  constructor(cluster: ChangingCluster, client: KvraftClient, state: BigState, options: BigSnapshotOptions) {
    this.#cluster = cluster;
    this.#client = client;
    this.#state = state;
    this.#options = options;
    this.#proxy = cluster.proxy(NEWCOMER);
  }

  async run(): Promise<BigSnapshotReport> {
    const addresses = this.#cluster.addresses.slice(0, FOUNDERS);
    const puts = new SteadyPuts({ addresses, perSecond: this.#options.putsPerSecond });
    try {
      return await this.#measure(puts);
    } finally {
      puts.abort();
    }
  }

  async #measure(puts: SteadyPuts): Promise<BigSnapshotReport> {
    const startMs = performance.now();
    await after(this.#options.beforeMs);
    const leader = await leaderOf(this.#client);
    const from = performance.now();
    const cuts = await this.#join();
    const to = performance.now();
    const sentBytes = this.#proxy.passed("forward");
    const leaderAfter = await leaderOf(this.#client);
    await puts.stop();
    this.#options.say("reading some of it from the new follower");
    const wrong = await this.#readFromNewcomer();
    return {
      sizeBytes: this.#state.sizeBytes,
      sentBytes,
      tookMs: to - from,
      cuts,
      elections: leaderAfter.term - leader.term,
      before: latenciesIn(puts, { from: startMs, to: from }),
      during: latenciesIn(puts, { from, to }),
      problems: [
        ...puts.problems,
        ...wrong,
        ...electionProblems(leader, leaderAfter),
        ...this.#transferProblems(cuts, sentBytes),
      ],
    };
  }

  #transferProblems(cuts: number, sentBytes: number): readonly string[] {
    const { sizeBytes } = this.#state;
    const problems: string[] = [];
    if (cuts < CUT_AT.length)
      problems.push(`the link was cut ${cuts} times only: most of the state did not go over it`);
    if (sentBytes > sizeBytes * this.#options.maxSentShare) {
      problems.push(`${mib(sentBytes)} were sent for ${mib(sizeBytes)}: the transfer began anew`);
    }
    return problems;
  }

  /** Resolves once the new follower is a voter, with how often the link to it was cut. */
  async #join(): Promise<number> {
    const over = new AbortController();
    const cutting = this.#cut(over.signal);
    try {
      await this.#cluster.restart(NEWCOMER);
      await this.#cluster.member("add", String(NEWCOMER), this.#cluster.address(NEWCOMER));
    } finally {
      over.abort();
    }
    return cutting;
  }

  async #cut(signal: AbortSignal): Promise<number> {
    const isOver = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    let cuts = 0;
    for (const share of CUT_AT) {
      await Promise.race([this.#proxy.whenPassed("forward", share * this.#state.sizeBytes), isOver]);
      if (signal.aborted) break;
      this.#proxy.refuse();
      cuts += 1;
      this.#options.say(`cut after ${mib(this.#proxy.passed("forward"))}`);
      await Promise.race([after(CUT_MS), isOver]);
      this.#proxy.heal("is lost");
    }
    return cuts;
  }

  /** Only whoever leads reads: so the new follower has to, which shows at the same time that it can. */
  async #readFromNewcomer(): Promise<readonly string[]> {
    const { code, stderr } = await this.#cluster.run("transfer", "--to", String(NEWCOMER));
    if (code !== 0) return [`eraft transfer --to ${NEWCOMER}: exit code ${code}: ${stderr.trim()}`];
    return this.#state.check(CHECKED_VALUES);
  }
}

function latenciesIn({ done }: SteadyPuts, { from, to }: Window): readonly number[] {
  return done.filter(({ dueMs }) => dueMs >= from && dueMs < to).map(({ latencyMs }) => latencyMs);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
