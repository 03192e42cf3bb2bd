import type { NodeId } from "@eraft/core";
import { type Logger, type NodeFailedError, RaftNode, type RaftNodeOptions } from "@eraft/runtime";
import { MemoryNetwork } from "@eraft/transport-memory";
import { FaultyStorage } from "./faulty-storage.ts";
import { Journal } from "./journal.ts";
import { ManualClock, settle, until } from "./manual-clock.ts";

export const silent: Logger = { info: () => {}, warn: () => {}, error: () => {} };

export interface Member {
  readonly node: RaftNode<Uint8Array, string, string>;
  readonly journal: Journal;
  readonly storage: FaultyStorage;
  readonly failures: NodeFailedError[];
}

export type Tuning = Partial<RaftNodeOptions<Uint8Array, string, string>>;

/** Servers in one process, on time that passes only when a test says so. */
export class Cluster {
  readonly clock: ManualClock = new ManualClock();
  readonly network: MemoryNetwork = new MemoryNetwork();
  readonly members: Member[] = [];
  readonly #size: number;
  readonly #tuning: Tuning;
  readonly #tuningOf: (id: NodeId) => Tuning;

  private constructor(size: number, tuning: Tuning, tuningOf: (id: NodeId) => Tuning) {
    this.#size = size;
    this.#tuning = tuning;
    this.#tuningOf = tuningOf;
  }

  /** @param tuningOf what is different from server to server, asked for each life of one */
  static async start(
    size: number,
    tuning: Tuning = {},
    tuningOf: (id: NodeId) => Tuning = () => ({}),
  ): Promise<Cluster> {
    const cluster = new Cluster(size, tuning, tuningOf);
    for (let id = 0; id < size; id += 1) {
      cluster.make(id);
      await cluster.member(id).node.start();
    }
    return cluster;
  }

  /** A new life of server `id`, on `storage`; to be started by the caller. */
  make(id: NodeId, storage: FaultyStorage = new FaultyStorage(), tuning: Tuning = {}): Member {
    const journal = new Journal();
    const node = new RaftNode<Uint8Array, string, string>({
      id,
      peers: new Map(Array.from({ length: this.#size }, (_, peer) => [peer, `host-${peer}:1`])),
      storage,
      transport: this.network.transport(id),
      stateMachine: journal,
      clock: this.clock,
      seed: id + 1,
      logger: silent,
      ...this.#tuning,
      ...this.#tuningOf(id),
      ...tuning,
    });
    const failures: NodeFailedError[] = [];
    node.on("failure", (failure) => failures.push(failure));
    const member = { node, journal, storage, failures };
    this.members[id] = member;
    return member;
  }

  /** Stops server `id` and starts it again on what its storage holds. */
  async restart(id: NodeId, tuning: Tuning = {}): Promise<Member> {
    const { node, storage } = this.member(id);
    await this.await(node.stop());
    const member = this.make(id, new FaultyStorage(storage.inner), tuning);
    await member.node.start();
    return member;
  }

  /** A server that knows nobody, and waits to be spoken to. */
  async join(id: NodeId, tuning: Tuning = {}): Promise<Member> {
    const member = this.make(id, new FaultyStorage(), { peers: new Map(), ...tuning });
    await member.node.start();
    return member;
  }

  member(id: NodeId): Member {
    const member = this.members[id];
    if (!member) throw new Error(`There is no server ${id}.`);
    return member;
  }

  leaders(): Member[] {
    return this.members.filter(({ node }) => node.status().role === "leader");
  }

  /** The leader, once there is one that everybody who runs agrees on. */
  async leader(): Promise<Member> {
    await until(this.clock, () => this.#agreedLeader() !== undefined, "no leader");
    const leader = this.#agreedLeader();
    if (!leader) throw new Error("The leader is gone.");
    return leader;
  }

  async followers(): Promise<Member[]> {
    const leader = await this.leader();
    return this.members.filter((member) => member !== leader);
  }

  /** Lets time pass in small steps. */
  async run(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 25) {
      this.clock.advance(25);
      await settle();
    }
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    await until(this.clock, condition, what);
  }

  /** Waits for `promise` while time passes. */
  async await<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const mark = (): void => {
      isSettled = true;
    };
    promise.then(mark, mark);
    await this.until(() => isSettled, "a promise does not settle");
    return promise;
  }

  async stop(): Promise<void> {
    await this.await(Promise.all(this.members.map(({ node }) => node.stop().catch(() => {}))));
  }

  #agreedLeader(): Member | undefined {
    const running = this.members.filter(({ node }) => node.status().phase === "running");
    const [leader, ...others] = running.filter(({ node }) => node.status().role === "leader");
    if (!leader || others.length > 0) return undefined;
    const { id } = leader.node;
    const members = running.filter(({ node }) => node.status().standing !== null);
    return members.every(({ node }) => node.status().leaderId === id) ? leader : undefined;
  }
}
