import type { KvInput, KvOutput } from "@eraft/linearizability";
import { ELECTION_MS, type KvraftClient, type KvScenario } from "../../../src/scenario/index.ts";
import { mustHold } from "../../../src/violation.ts";
import { type MitScenario, range } from "../mit-scenario.ts";
import { appended, checkClientAppends } from "./append-order.ts";
import { kvScenario } from "./kv-scenario.ts";

/** Three rounds of 3 s: as many election timeouts as there are in the labs' 5 s, whose servers are slower to elect. */
const ROUNDS = 3;
const ROUND_MS = 3000;
/** Mean pause of a client for each client there is, so that the load does not depend on their number. */
const THINK_MS = 12;

export interface GenericCase {
  readonly clients: number;
  readonly servers: number;
  readonly unreliable?: boolean;
  readonly crash?: boolean;
  readonly partitions?: boolean;
  readonly maxRaftState?: number;
  /** Clients share their keys. Otherwise each has one of its own, and knows what must be in it. */
  readonly randomKeys?: boolean;
}

/** The labs' GenericTest: clients put, append and get while servers are partitioned, and all crash at the end of each round. */
export function genericScenario(name: string, test: GenericCase): MitScenario {
  const { servers, unreliable = false, maxRaftState = Infinity } = test;
  const network = unreliable ? "unreliable" : "reliable";
  return kvScenario(name, { servers, network, maxRaftState }, async (s) => {
    const workers = range(test.clients).map((number) => new Worker(s, number, test));
    const reader = s.client();
    for (let round = 0; round < ROUNDS; round += 1) {
      await runRound(s, workers, test);
      if (test.randomKeys !== true) await checkAppends(s, reader, workers);
    }
    checkSizes(s, maxRaftState);
  });
}

async function runRound(
  s: KvScenario,
  workers: readonly Worker[],
  { crash, partitions }: GenericCase,
): Promise<void> {
  for (const worker of workers) worker.start();
  let partitioning = partitions === true;
  const repartition = (): undefined => {
    if (!partitioning) return;
    partitionAtRandom(s);
    s.later(ELECTION_MS * s.random.between(0.5, 0.7), repartition);
  };
  s.later(ELECTION_MS / 2, repartition);
  await s.runFor(ROUND_MS);
  partitioning = false;
  if (crash === true) {
    // The labs stop the clients first. Here they go on, so that there is something to lose.
    for (const node of s.nodes) s.later(s.random.between(0, 20), () => crashOne(s, node));
    await s.runFor(ELECTION_MS);
    s.connectAll();
    await s.restart(...s.nodes);
    await s.runFor(ELECTION_MS / 2);
  }
  for (const worker of workers) worker.stop();
  s.connectAll();
  await s.mustReach(() => workers.every(({ isIdle }) => isIdle), "an operation of a client is not answered");
}

function crashOne(s: KvScenario, node: number): undefined {
  s.crash(node);
}

/**
 * Each server goes to one of two sides. Beyond the labs, one may stall: when it goes on, its clock has not told it yet that it can no longer be the
 * leader it was, and clients' reads are waiting for it.
 */
function partitionAtRandom(s: KvScenario): void {
  const left = s.nodes.filter(() => s.random.chance(0.5));
  const right = s.nodes.filter((node) => !left.includes(node));
  s.partition(left, right);
  if (s.random.chance(0.5)) s.stall(s.random.pick(s.nodes), s.random.between(100, 1000));
}

async function checkAppends(s: KvScenario, reader: KvraftClient, workers: readonly Worker[]): Promise<void> {
  for (const worker of workers) {
    const value = await s.get(reader, worker.key);
    mustHold(
      value === worker.expected,
      "KV Value",
      () => `${worker.key} is ${value}, not ${worker.expected}`,
    );
    checkClientAppends(value, worker.number, worker.appends);
  }
}

function checkSizes(s: KvScenario, maxRaftState: number): void {
  if (maxRaftState === Infinity) {
    mustHold(s.snapshotBytes() === 0, "Snapshots", () => "there is a snapshot that nobody asked for");
    return;
  }
  const logBytes = s.logBytes();
  mustHold(logBytes <= 8 * maxRaftState, "Log Size", () => `a log has ${logBytes} bytes`);
  mustHold(s.snapshotBytes() > 0, "Snapshots", () => "there is no snapshot");
}

/** A client that does one operation after another. */
class Worker {
  readonly number: number;
  /** Texts that this client has appended to its key. */
  appends = 0;
  /** What is in its key; null before the first append. */
  expected: KvOutput = null;
  readonly #s: KvScenario;
  readonly #client: KvraftClient;
  readonly #clients: number;
  readonly #randomKeys: boolean;
  #running = false;
  #isThinking = false;

  constructor(s: KvScenario, number: number, { clients, randomKeys = false }: GenericCase) {
    this.number = number;
    this.#s = s;
    this.#client = s.client();
    this.#clients = clients;
    this.#randomKeys = randomKeys;
  }

  /** The client's own key. */
  get key(): string {
    return String(this.number);
  }

  get isIdle(): boolean {
    return !this.#client.clerk.isBusy && !this.#isThinking;
  }

  start(): void {
    this.#running = true;
    this.#next();
  }

  /** No operation is begun from now on. */
  stop(): void {
    this.#running = false;
  }

  #next(): void {
    if (!this.#running) return;
    const input = this.#draw();
    this.#s.begin(this.#client, input, (output) => {
      this.#done(input, output);
      this.#think();
    });
  }

  /** Half of the operations follow at once, so that many are under way together now and then. */
  #think(): void {
    const { random } = this.#s;
    const ms = random.chance(0.5) ? 0 : random.exponential(2 * THINK_MS * this.#clients);
    this.#isThinking = true;
    this.#s.later(ms, () => {
      this.#isThinking = false;
      this.#next();
      return undefined;
    });
  }

  #draw(): KvInput {
    const { random } = this.#s;
    const key = this.#randomKeys ? String(random.integer(0, this.#clients - 1)) : this.key;
    if (random.chance(0.5)) {
      const value = appended(this.number, this.appends);
      this.appends += 1;
      return { type: "append", key, value };
    }
    // The labs put an empty value first into every key. That hides a restart which applies the log to a state that has it already, so keys of one
    // client are only ever appended to.
    if (this.#randomKeys && random.chance(0.1)) {
      return { type: "put", key, value: `p${appended(this.number, this.appends++)}` };
    }
    return { type: "get", key };
  }

  #done(input: KvInput, output: KvOutput): void {
    if (this.#randomKeys) return;
    if (input.type === "append") this.expected = (this.expected ?? "") + input.value;
    else {
      mustHold(output === this.expected, "KV Value", () => `${this.key} is ${output}, not ${this.expected}`);
    }
  }
}

const big = { clients: 15, servers: 7, unreliable: true, crash: true, partitions: true, randomKeys: true };
const maxRaftState = 1000;

export const GENERIC_3A: readonly MitScenario[] = [
  genericScenario("TestBasic3A", { clients: 1, servers: 5 }),
  genericScenario("TestConcurrent3A", { clients: 5, servers: 5 }),
  genericScenario("TestUnreliable3A", { clients: 5, servers: 5, unreliable: true }),
  genericScenario("TestManyPartitionsOneClient3A", { clients: 1, servers: 5, partitions: true }),
  genericScenario("TestManyPartitionsManyClients3A", { clients: 5, servers: 5, partitions: true }),
  genericScenario("TestPersistOneClient3A", { clients: 1, servers: 5, crash: true }),
  genericScenario("TestPersistConcurrent3A", { clients: 5, servers: 5, crash: true }),
  genericScenario("TestPersistConcurrentUnreliable3A", {
    clients: 5,
    servers: 5,
    unreliable: true,
    crash: true,
  }),
  genericScenario("TestPersistPartition3A", { clients: 5, servers: 5, crash: true, partitions: true }),
  genericScenario("TestPersistPartitionUnreliable3A", {
    clients: 5,
    servers: 5,
    unreliable: true,
    crash: true,
    partitions: true,
  }),
  genericScenario("TestPersistPartitionUnreliableLinearizable3A", big),
];

export const GENERIC_3B: readonly MitScenario[] = [
  genericScenario("TestSnapshotRecover3B", { clients: 1, servers: 5, crash: true, maxRaftState }),
  genericScenario("TestSnapshotRecoverManyClients3B", { clients: 20, servers: 5, crash: true, maxRaftState }),
  genericScenario("TestSnapshotUnreliable3B", { clients: 5, servers: 5, unreliable: true, maxRaftState }),
  genericScenario("TestSnapshotUnreliableRecover3B", {
    clients: 5,
    servers: 5,
    unreliable: true,
    crash: true,
    maxRaftState,
  }),
  genericScenario("TestSnapshotUnreliableRecoverConcurrentPartition3B", {
    clients: 5,
    servers: 5,
    unreliable: true,
    crash: true,
    partitions: true,
    maxRaftState,
  }),
  genericScenario("TestSnapshotUnreliableRecoverConcurrentPartitionLinearizable3B", { ...big, maxRaftState }),
];
