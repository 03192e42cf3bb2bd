import type { NodeId } from "@eraft/core";
import {
  type KvAnswer,
  type KvQuery,
  type KvResult,
  type KvNode,
  type KvService,
  type KvV1Service,
  kvService,
  kvV1Service,
} from "@eraft/kv";
import { type Logger, type NodeIdentity, RaftNode, StorageFailedError } from "@eraft/runtime";
import { addressOf } from "./address.ts";
import type { DurableDisk } from "./durable-disk.ts";
import { Life } from "./life.ts";
import { SimulatedStorage } from "./storage.ts";
import { SimulatedTransport } from "./transport.ts";
import type { Wires } from "./wires.ts";
import { WitnessedStateMachine } from "./witnessed-machine.ts";
import type { World } from "./world.ts";

export type KvRaftNode = RaftNode<Uint8Array, KvQuery, KvResult, KvAnswer>;

/** One process of a server: a whole `RaftNode` with what belongs to it. */
export interface Process {
  readonly life: Life;
  readonly node: KvRaftNode;
  readonly machine: WitnessedStateMachine;
  readonly service: KvService;
  readonly kvV1: KvV1Service;
}

interface Parts {
  readonly world: World;
  readonly wires: Wires;
  readonly server: NodeId;
  readonly disk: DurableDisk;
  /** Counts the processes of this server, from 1. */
  readonly number: number;
  readonly rate: number;
  /** Whether it begins the cluster, rather than joins it. */
  readonly isFounder: boolean;
  readonly crash: () => void;
  readonly failed: (life: Life) => void;
}

const SILENT: Logger = { info: () => {}, warn: () => {}, error: () => {} };

export function newProcess(parts: Parts): Process {
  const { world, wires, server, disk, isFounder } = parts;
  const { plan } = world;
  const life = newLife(parts);
  const machine = new WitnessedStateMachine(world, life, disk);
  const { timeLimitMs, applyMsMean: _, ownDisk: __, writeDelayMs: ___, hasLeases, ...tuning } = plan.node;
  disk.starts += 1;
  const identity = identityOf(world, life, disk);
  const founders = Array.from({ length: isFounder ? plan.size : 0 }, (_, id) => id);
  const node: KvRaftNode = new RaftNode({
    ...tuning,
    id: server,
    peers: new Map(founders.map((id) => [id, addressOf(id)])),
    storage: new SimulatedStorage(world, life, disk),
    transport: new SimulatedTransport({ world, wires, life, disk, identity: () => node.identity }),
    stateMachine: machine,
    clock: life.clock,
    logger: SILENT,
    // Every life of every server draws timeouts of its own. Two that share a seed split every vote for ever.
    seed: (plan.seed * 16 + server) * 2 ** 16 + parts.number,
    ...(identity === null ? {} : { identity }),
    // The slowest clock and the fastest differ by so much, and no more.
    ...(hasLeases ? { leaseReads: { maxClockDrift: 1 - 2 ** (-4 * plan.process.drift) } } : {}),
  });
  listen(parts, life, node);
  const watched = watchedNode(world, { life, node, machine });
  const { clock } = life;
  return {
    life,
    node,
    machine,
    service: kvService(watched, { timeLimitMs, clock }),
    kvV1: kvV1Service(watched, machine, { timeLimitMs, clock, nextTurn: queueMicrotask }),
  };
}

function newLife({ world, server, number, rate, crash }: Parts): Life {
  return new Life({
    server,
    number,
    timeline: world.timeline,
    rate,
    misused: (what) =>
      world.judge.check(false, "Stopped Is Stopped", () => `server ${server} ${what} after stop`),
    crash,
  });
}

function identityOf(world: World, life: Life, disk: DurableDisk): NodeIdentity | null {
  if (!world.plan.members.identifies) return null;
  const { name: incarnation, clusterId, starts } = disk;
  return {
    clusterId,
    incarnation,
    starts,
    // Until that is stored, nothing that others say is acted upon.
    onClusterId: (learnt) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const ms = world.random.disk.exponential(world.plan.disk.writeMsMean);
      world.timeline.after(ms, "cluster id stored", () => {
        if (life.isOver) return;
        world.coverage.hit("joinedCluster");
        disk.clusterId = learnt;
        life.enter("io", resolve);
      });
      return promise;
    },
  };
}

function listen({ world, server, failed }: Parts, life: Life, node: KvRaftNode): void {
  const { judge, coverage, timeline } = world;
  node.on("role", ({ role, term }) => {
    if (life.isOver) return;
    timeline.note(role, server, term);
    if (role !== "leader") return;
    coverage.hit("elected");
    judge.observe(() => judge.history.leads(server, term));
  });
  node.on("snapshot", ({ source }) => {
    if (!life.isOver) coverage.hit(source === "local" ? "localSnapshot" : "receivedSnapshot");
  });
  node.on("alert", (alert) => {
    const isTrue = alert.type === "followerLostLog" && world.replaced.has(alert.peer);
    judge.check(
      life.isOver || isTrue,
      "No Alert",
      () => `server ${server} raises ${alert.type}, among correct servers`,
    );
  });
  node.on("failure", (failure) => {
    if (life.isOver) return;
    timeline.note(`fails: ${failure.code}`, server);
    judge.check(
      failure instanceof StorageFailedError,
      "Fails Only With Its Storage",
      () => `server ${server}: ${failure.message}`,
    );
    failed(life);
  });
}

/** The node as its services use it. */
function watchedNode(
  world: World,
  { life, node, machine }: Pick<Process, "life" | "node" | "machine">,
): KvNode {
  const { judge, coverage } = world;
  return {
    propose: async (command, options) => {
      const result = await counted(world, life, node.propose(command, options));
      judge.check(
        life.isOver || machine.hasApplied(command),
        "Acknowledged Is Applied",
        () => `server ${life.server} acknowledges a command that it has not applied`,
      );
      return result;
    },
    read: async (query, options) => {
      const answer = await counted(world, life, node.read(query, options));
      if (options?.consistency === "stale") coverage.hit("staleRead");
      else if (node.status().role !== "leader") coverage.hit("readAtFollower");
      else if (options?.consistency === "lease") coverage.hit("leaseRead");
      return answer;
    },
    status: () => node.status(),
    on: (name, listener) => node.on(name, listener),
  };
}

/** Keeps count of calls that the node has not settled, and hears what it says after its storage failed. */
export async function counted<T>(world: World, life: Life, call: Promise<T>): Promise<T> {
  life.openCalls += 1;
  try {
    const answer = await call;
    world.judge.check(
      !life.hasFailedStorage || life.isOver,
      "Failed Is Silent",
      () => `server ${life.server} acknowledges something after its storage failed`,
    );
    return answer;
  } finally {
    life.openCalls -= 1;
  }
}
