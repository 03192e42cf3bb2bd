// Real nodes, whose leaders are stopped again and again in the middle of everything: dissertation 6.3 end to end.
import { RaftNode, SessionClient, type SessionResult, withSessions } from "@eraft/runtime";
import { MemoryStorage } from "@eraft/storage-memory";
import { MemoryNetwork } from "@eraft/transport-memory";
import { expect, test } from "vitest";
import { silent } from "../support/cluster.ts";
import { Counter } from "../support/counter.ts";
import { Dice } from "../support/dice.ts";
import { ManualClock, settle, until } from "../support/manual-clock.ts";

type Node = RaftNode<Uint8Array, "sum", SessionResult<number | null>, number>;

const IDS = [0, 1, 2];
const CLIENTS = 4;
const STOPS = 5;

interface Server {
  readonly storage: MemoryStorage;
  counter: Counter;
  node: Node;
}

class Cluster {
  readonly clock = new ManualClock();
  readonly #network = new MemoryNetwork();
  readonly servers: Server[] = [];
  #seed: number;

  constructor(seed: number) {
    this.#seed = seed * 1000;
  }

  /** The next life of a server; the state is what storage and log give. */
  async start(id: number): Promise<void> {
    const { storage } = this.servers[id] ?? { storage: new MemoryStorage() };
    const counter = new Counter();
    const node: Node = new RaftNode({
      id,
      peers: new Map(IDS.map((peer) => [peer, `host-${peer}:1`])),
      storage,
      transport: this.#network.transport(id),
      stateMachine: withSessions(counter, { maxSessions: 100 }),
      clock: this.clock,
      logger: silent,
      seed: (this.#seed += 1),
      // Snapshots all the time, and no handing over: what a leader has taken on, nobody knows the outcome of.
      snapshotBytes: 400,
      retainedBytes: 0,
      transferOnStop: false,
    });
    this.servers[id] = { storage, counter, node };
    await node.start();
  }

  get leader(): number {
    return this.servers.findIndex(({ node }) => node.status().role === "leader");
  }

  client(): SessionClient<Uint8Array, number | null> {
    const servers = IDS.map((id) => ({
      id,
      // The node that is there at that time.
      propose: async (command: Uint8Array) => {
        const server = this.servers[id];
        if (server === undefined) throw new Error("never started");
        return server.node.propose(command);
      },
    }));
    return new SessionClient({ servers, clock: this.clock, maxInflight: 8 });
  }
}

test.for([1, 2, 3])(
  "leaders stop and come back, seed %i: every increment counts once, on every server",
  async (seed) => {
    const dice = new Dice(seed);
    const cluster = new Cluster(seed);
    for (const id of IDS) await cluster.start(id);
    const clients = Array.from({ length: CLIENTS }, () => cluster.client());
    const results: (number | null)[] = [];
    const run = { stops: 0, isDone: false };
    let sent = 0;
    const work = clients.map(async (client) => {
      // In groups, until some have gone through each of the leaders.
      while (run.stops < STOPS) {
        sent += 5;
        results.push(
          ...(await Promise.all(Array.from({ length: 5 }, () => client.propose(Uint8Array.of(1))))),
        );
      }
    });
    void Promise.all(work).then(() => (run.isDone = true));
    while (!run.isDone) {
      await until(cluster.clock, () => run.isDone || cluster.leader >= 0, "no leader");
      // Callers pause for up to half a second where nobody led; then the leader has some turns, or none, before it is gone.
      for (let left = dice.roll(12); left > 0 && !run.isDone; left--) {
        cluster.clock.advance(25);
        await settle();
      }
      for (let turn = dice.roll(8); turn > 0; turn--) await new Promise(setImmediate);
      const { leader } = cluster;
      const server = cluster.servers[leader];
      if (run.isDone || server === undefined) continue;
      await server.node.stop();
      run.stops += 1;
      await settle();
      await cluster.start(leader);
    }
    expect(new Set(results)).toEqual(new Set(Array.from({ length: sent }, (_, at) => at + 1)));
    const converged = (): boolean => cluster.servers.every(({ counter: { sum } }) => sum === sent);
    await until(cluster.clock, converged, "the servers do not agree");
    expect(Math.max(...cluster.servers.map(({ node }) => node.status().snapshotIndex))).toBeGreaterThan(0);
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(cluster.servers.map(({ node }) => node.stop()));
  },
);
