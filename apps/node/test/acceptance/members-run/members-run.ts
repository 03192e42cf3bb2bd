import type { KvraftClient } from "@eraft/kv";
import { leaderOf } from "../../support/cluster-view.ts";
import { ChangingCluster } from "../support/changing-cluster.ts";
import { type Waits, type Window, waitsIn } from "../support/pauses.ts";
import { type LoadReport, RecordedLoad } from "../support/recorded-load.ts";

export interface MembersRunOptions {
  readonly clients: number;
  readonly maxThinkMs: number;
  /** The numbers of nodes at which to stop on the way up, ascending. */
  readonly sizes: readonly number[];
  /** Further flags of `eraft serve`. */
  readonly flags: readonly string[];
  readonly say: (line: string) => void;
}

/** One change of members, with the start and the end of processes that belong to it: a window in milliseconds. */
interface Change extends Window {
  readonly what: string;
  /** The ids of the voters after it. */
  readonly voters: readonly number[];
}

/** A change, and how long clients had to wait meanwhile. */
export type Step = Change & Waits;

export interface MembersRunReport {
  readonly steps: readonly Step[];
  readonly load: LoadReport;
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

/**
 * One node under load grows to several, every node is replaced one after another by one with another id, another address and an empty disk, and
 * the cluster shrinks back to one.
 */
export async function membersRun(options: MembersRunOptions): Promise<MembersRunReport> {
  const most = Math.max(...options.sizes);
  const cluster = await ChangingCluster.launch({ founders: 1, joiners: 2 * most - 1, flags: options.flags });
  try {
    const load = await RecordedLoad.start({ addresses: cluster.addresses, ...options });
    return await new Life(cluster, load, options).run();
  } finally {
    await cluster.stop();
  }
}

class Life {
  readonly #cluster: ChangingCluster;
  readonly #client: KvraftClient;
  readonly #load: RecordedLoad;
  readonly #options: MembersRunOptions;
  readonly #changes: Change[] = [];
  #voters: readonly number[] = [0];
  #nextId = 1;

  constructor(cluster: ChangingCluster, load: RecordedLoad, options: MembersRunOptions) {
    this.#cluster = cluster;
    this.#client = cluster.client();
    this.#load = load;
    this.#options = options;
  }

  async run(): Promise<MembersRunReport> {
    const load = await this.#load.during(async () => {
      for (const size of this.#options.sizes) while (this.#voters.length < size) await this.#add();
      for (const id of this.#voters) await this.#replace(id);
      while (this.#voters.length > 1) await this.#remove();
      this.#options.say("reading everything back, and judging");
    });
    const steps = waitsIn(this.#load.history, this.#changes, "overlap");
    return { steps, load, problems: load.problems };
  }

  async #add(): Promise<void> {
    const id = this.#newId();
    await this.#step(`add node ${id}`, [...this.#voters, id], async () => {
      await this.#cluster.restart(id);
      await this.#cluster.member("add", String(id), this.#cluster.address(id));
    });
  }

  async #replace(old: number): Promise<void> {
    const id = this.#newId();
    const voters = [...this.#voters.filter((voter) => voter !== old), id];
    const leader = await leaderOf(this.#client);
    await this.#step(`replace ${nameOf(old, leader.id)} by node ${id}`, voters, async () => {
      await this.#cluster.restart(id);
      await this.#cluster.member("replace", String(old), String(id), this.#cluster.address(id));
      await this.#cluster.retire(old);
    });
  }

  /** In turn one that follows, and one that leads. */
  async #remove(): Promise<void> {
    const leader = await leaderOf(this.#client);
    const isLeadersTurn = this.#voters.length % 2 === 0;
    const id = this.#voters.find((voter) => (voter === leader.id) === isLeadersTurn);
    if (id === undefined)
      throw new Error(`node ${leader.id} leads, and is not one of ${this.#voters.join(", ")}`);
    const voters = this.#voters.filter((voter) => voter !== id);
    await this.#step(`remove ${nameOf(id, leader.id)}`, voters, async () => {
      await this.#cluster.member("remove", String(id));
      await this.#cluster.retire(id);
    });
  }

  /** Rejects unless the cluster says afterwards that it has these voters and no other members, and goes on to serve. */
  async #step(what: string, voters: readonly number[], change: () => Promise<void>): Promise<void> {
    const from = performance.now();
    await change();
    await this.#load.serves();
    const to = performance.now();
    const members = await this.#cluster.members();
    const found = members.map(({ id, standing }) => `${id} ${standing}`).toSorted();
    const expected = voters.map((id) => `${id} voter`).toSorted();
    if (found.join() !== expected.join()) throw new Error(`${what}: the members are ${found.join(", ")}`);
    this.#voters = voters;
    this.#changes.push({ what, voters, from, to });
    const { acknowledged } = this.#load;
    this.#options.say(`${what}: now ${voters.join(", ")}; ${acknowledged} operations acknowledged`);
  }

  #newId(): number {
    this.#nextId += 1;
    return this.#nextId - 1;
  }
}

function nameOf(id: number, leader: number): string {
  return id === leader ? `leader ${id}` : `node ${id}`;
}
