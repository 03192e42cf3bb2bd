import type { NodeId } from "@eraft/core";
import { type KvQuery, type KvResult, type KvService, kvService } from "@eraft/kv";
import { type Logger, type NodeStatus, RaftNode, StorageFailedError } from "@eraft/runtime";
import { DurableDisk } from "./durable-disk.ts";
import { Life } from "./life.ts";
import { SimulatedStorage } from "./storage.ts";
import { SimulatedTransport } from "./transport.ts";
import type { Wires } from "./wires.ts";
import { WitnessedStateMachine } from "./witnessed-machine.ts";
import type { World } from "./world.ts";

type KvRaftNode = RaftNode<Uint8Array, KvQuery, KvResult | string | undefined>;

/**
 * - `down`: no process; it can be started.
 * - `gone`: it never comes back under this name, because what its disk had promised is lost.
 */
export type ServerPhase = "down" | "starting" | "running" | "stopping" | "gone";

interface Running {
  readonly life: Life;
  readonly node: KvRaftNode;
  readonly machine: WitnessedStateMachine;
  readonly service: KvService;
}

const SILENT: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/** One server: a disk for ever, and processes that come and go over it, each a whole `RaftNode`. */
export class Server {
  readonly id: NodeId;
  readonly disk: DurableDisk = new DurableDisk();
  readonly #world: World;
  readonly #wires: Wires;
  readonly #rate: number;
  #phase: ServerPhase = "down";
  #running: Running | null = null;
  #lives = 0;
  #isRetired = false;

  constructor(world: World, wires: Wires, id: NodeId, rate: number) {
    this.#world = world;
    this.#wires = wires;
    this.id = id;
    this.#rate = rate;
  }

  get phase(): ServerPhase {
    return this.#phase;
  }

  /** The process there is now. */
  get life(): Life | null {
    return this.#running?.life ?? null;
  }

  get service(): KvService | null {
    return this.#running?.service ?? null;
  }

  get status(): NodeStatus | null {
    return this.#running?.node.status() ?? null;
  }

  /** The digest of its whole state; null if it has no process. */
  async digest(): Promise<number | null> {
    return (await this.#running?.machine.digest()) ?? null;
  }

  start(): void {
    if (this.#phase !== "down" || this.#isRetired) return;
    this.#lives += 1;
    if (this.#lives > 1) this.#world.coverage.hit("restart");
    this.#phase = "starting";
    this.#world.timeline.note("start", this.id, this.#lives);
    const running = this.#newProcess();
    this.#running = running;
    void this.#begin(running);
  }

  /** The process is gone at once, wherever it was. It starts again after `downMs`; null leaves that to others. */
  crash(downMs: number | null): void {
    const running = this.#running;
    if (running === null) return;
    const { coverage, timeline, plan, random } = this.#world;
    timeline.note("crash", this.id);
    coverage.hit("crash");
    if (this.#phase === "starting") coverage.hit("crashWhileStarting");
    if (this.disk.isStaging) coverage.hit("crashLostSnapshot");
    const { kept, lost } = this.disk.losePower(() => random.disk.chance(plan.disk.keeps));
    if (kept > 0) coverage.hit("crashKeptWrite");
    if (lost > 0) coverage.hit("crashLostWrite");
    this.#end(running);
    if (downMs !== null) timeline.after(downMs, "restart", () => this.start());
  }

  /** Stops in good order. Then it is down, and may be started again. */
  stop(): void {
    if (this.#running === null || this.#phase === "stopping") return;
    this.#phase = "stopping";
    this.#world.timeline.note("stop", this.id);
    this.#world.coverage.hit("gracefulStop");
    void this.#stop(this.#running);
  }

  /** Stops for good: whatever was to start it again some time does not. */
  retire(): void {
    this.#isRetired = true;
    this.stop();
  }

  /** Its disk is lost, and so is the server. */
  wipe(): void {
    this.crash(null);
    this.#phase = "gone";
  }

  #newProcess(): Running {
    const world = this.#world;
    const { plan, timeline, random } = world;
    const life = new Life({
      server: this.id,
      number: this.#lives,
      timeline,
      rate: world.isFaulty ? this.#rate : 1,
      misused: (what) =>
        world.judge.check(false, "Stopped Is Stopped", () => `server ${this.id} ${what} after stop`),
      crash: () => this.crash(random.process.exponential(plan.process.downForMs)),
    });
    const machine = new WitnessedStateMachine(world, life);
    const { timeLimitMs, applyMsMean: _, ...tuning } = plan.node;
    const node: KvRaftNode = new RaftNode({
      ...tuning,
      id: this.id,
      peers: new Map(Array.from({ length: plan.size }, (_, id) => [id, addressOf(id)])),
      storage: new SimulatedStorage(world, life, this.disk),
      transport: new SimulatedTransport(world, this.#wires, life, this.disk),
      stateMachine: machine,
      clock: life.clock,
      logger: SILENT,
      // Every life of every server draws timeouts of its own. Two that share a seed split every vote for ever.
      seed: (plan.seed * 8 + this.id) * 2 ** 16 + this.#lives,
    });
    this.#listen(life, node);
    const service = kvService(
      {
        propose: async (command, options) => {
          const result = await this.#counted(life, node.propose(command, options));
          world.judge.check(
            life.isOver || machine.hasApplied(command),
            "Acknowledged Is Applied",
            () => `server ${this.id} acknowledges a command that it has not applied`,
          );
          return result;
        },
        read: (query, options) => this.#counted(life, node.read(query, options)),
        status: () => node.status(),
      },
      { timeLimitMs, clock: life.clock },
    );
    return { life, node, machine, service };
  }

  #listen(life: Life, node: KvRaftNode): void {
    const { judge, coverage, timeline, random } = this.#world;
    node.on("role", ({ role, term }) => {
      if (life.isOver) return;
      timeline.note(role, this.id, term);
      if (role !== "leader") return;
      coverage.hit("elected");
      judge.observe(() => judge.history.leads(this.id, term));
    });
    node.on("snapshot", ({ source }) => {
      if (!life.isOver) coverage.hit(source === "local" ? "localSnapshot" : "receivedSnapshot");
    });
    node.on("alert", ({ type }) => {
      judge.check(life.isOver, "No Alert", () => `server ${this.id} raises ${type}, among correct servers`);
    });
    node.on("failure", (failure) => {
      if (life.isOver) return;
      timeline.note(`fails: ${failure.code}`, this.id);
      judge.check(
        failure instanceof StorageFailedError,
        "Fails Only With Its Storage",
        () => `server ${this.id}: ${failure.message}`,
      );
      // Whoever looks after the process ends it, in good order or not, and starts the next one.
      const isOrderly = random.process.chance(0.5);
      timeline.after(random.process.exponential(50), "supervise", () => {
        if (life.isOver || this.#phase === "starting") return;
        if (isOrderly) this.#stopAndStart();
        else this.crash(0);
      });
    });
  }

  #stopAndStart(): void {
    const { timeline, random, plan } = this.#world;
    const downMs = random.process.exponential(plan.process.downForMs);
    const startAgain = (): void => {
      if (this.#phase === "stopping") timeline.after(10, "restart", startAgain);
      else this.start();
    };
    this.stop();
    timeline.after(downMs, "restart", startAgain);
  }

  /** A stop as of a rolling update: some time later it is back. */
  restart(): void {
    this.#stopAndStart();
  }

  async #begin(running: Running): Promise<void> {
    const { life, node } = running;
    try {
      await node.start();
      if (!life.isOver && this.#phase === "starting") this.#phase = "running";
    } catch (error) {
      if (life.isOver || this.#phase === "stopping") return;
      this.#startFailed(running, error);
    }
  }

  /** It has let go of everything again. With a damaged disk it will never start; an operator would rebuild it under another name. */
  #startFailed(running: Running, error: unknown): void {
    const { coverage, judge, timeline, random } = this.#world;
    coverage.hit("startFailed");
    timeline.note("start failed", this.id);
    judge.check(
      error instanceof StorageFailedError,
      "Fails Only With Its Storage",
      () => `server ${this.id} does not start: ${String(error)}`,
    );
    this.#release(running);
    if (this.disk.isDamaged) this.#phase = "gone";
    else timeline.after(random.process.exponential(100), "restart", () => this.start());
  }

  async #stop(running: Running): Promise<void> {
    const { judge } = this.#world;
    try {
      await running.node.stop();
    } catch (error) {
      judge.check(
        error instanceof StorageFailedError,
        "Fails Only With Its Storage",
        () => `server ${this.id} does not stop: ${String(error)}`,
      );
    }
    if (!running.life.isOver) this.#release(running);
  }

  #release(running: Running): void {
    const { life } = running;
    const { judge } = this.#world;
    judge.check(
      this.disk.holder === null,
      "Stopped Is Stopped",
      () => `server ${this.id} ended in good order and still holds its storage`,
    );
    judge.check(
      life.openCalls === 0,
      "Every Call Settles",
      () => `server ${this.id} ended in good order and left ${life.openCalls} calls unanswered`,
    );
    life.isReleased = true;
    this.#end(running);
  }

  #end({ life }: Running): void {
    life.end();
    this.#running = null;
    this.#phase = "down";
  }

  /** Keeps count of calls that the node has not settled, and hears what it says after its storage failed. */
  async #counted<T>(life: Life, call: Promise<T>): Promise<T> {
    life.openCalls += 1;
    try {
      const answer = await call;
      this.#world.judge.check(
        !life.hasFailedStorage || life.isOver,
        "Failed Is Silent",
        () => `server ${this.id} acknowledges something after its storage failed`,
      );
      return answer;
    } finally {
      life.openCalls -= 1;
    }
  }
}

export function addressOf(id: NodeId): string {
  return `http://server-${id}:9000`;
}
