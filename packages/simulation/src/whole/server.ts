import type { ConfigurationAt, NodeId } from "@eraft/core";
import type { KvService, KvV1Service } from "@eraft/kv";
import { type NodeStatus, StorageFailedError } from "@eraft/runtime";
import type { DurableDisk } from "./durable-disk.ts";
import { newProcess, type Process } from "./process.ts";
import type { Wires } from "./wires.ts";
import type { World } from "./world.ts";

/** Of the cluster that the founders begin with. */
const CLUSTER = "the cluster";

/**
 * - `down`: no process; it can be started.
 * - `gone`: it never comes back under this name, because what its disk had promised is lost.
 */
export type ServerPhase = "down" | "starting" | "running" | "stopping" | "gone";

/** One server: a disk, for ever or until it is lost, and processes that come and go over it, each a whole `RaftNode`. */
export class Server {
  readonly id: NodeId;
  readonly #world: World;
  readonly #wires: Wires;
  readonly #rate: number;
  /** Whether it is one of those that the cluster begins with. */
  readonly isFounder: boolean;
  #disk: DurableDisk;
  #phase: ServerPhase = "down";
  #process: Process | null = null;
  #lives = 0;
  #isRetired = false;

  constructor(world: World, wires: Wires, id: NodeId, rate: number) {
    this.#world = world;
    this.#wires = wires;
    this.id = id;
    this.#rate = rate;
    this.isFounder = id < world.plan.size;
    this.#disk = world.newDisk(this.isFounder ? CLUSTER : null);
  }

  get disk(): DurableDisk {
    return this.#disk;
  }

  get phase(): ServerPhase {
    return this.#phase;
  }

  /** Whether it has ever been started. */
  get isKnown(): boolean {
    return this.#lives > 0;
  }

  /** Whether somebody has switched it off for good, or until it is needed again. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** The process there is now. */
  get process(): Process | null {
    return this.#process;
  }

  get life(): Process["life"] | null {
    return this.#process?.life ?? null;
  }

  get service(): KvService | null {
    return this.#process?.service ?? null;
  }

  get kvV1(): KvV1Service | null {
    return this.#process?.kvV1 ?? null;
  }

  get status(): NodeStatus | null {
    return this.#process?.node.status() ?? null;
  }

  /** The members as this server knows them, or would if it were started. */
  get configuration(): ConfigurationAt | null {
    const status = this.status;
    const isOpen = status !== null && status.phase !== "created" && status.phase !== "starting";
    if (!isOpen) return this.disk.configurations.at(-1) ?? null;
    const { index, members } = status.membership;
    return members.length === 0 ? null : { index, configuration: { members } };
  }

  /** The digest of its whole state; null if it has no process. */
  async digest(): Promise<number | null> {
    return (await this.#process?.machine.digest()) ?? null;
  }

  start(): void {
    if (this.#phase !== "down" || this.#isRetired) return;
    this.#lives += 1;
    if (this.#lives > 1) this.#world.coverage.hit("restart");
    this.#phase = "starting";
    this.#world.timeline.note("start", this.id, this.#lives);
    const { plan, random } = this.#world;
    const process = newProcess({
      world: this.#world,
      wires: this.#wires,
      server: this.id,
      disk: this.#disk,
      number: this.#lives,
      rate: this.#world.isFaulty ? this.#rate : 1,
      // Who has lost what the cluster decided is no founder any more: with the same list it might found the cluster a second time.
      isFounder: this.isFounder && !this.#world.replaced.has(this.id),
      crash: () => this.crash(random.process.exponential(plan.process.downForMs)),
      failed: (life) => {
        // Whoever looks after the process ends it, in good order or not, and starts the next one.
        const isOrderly = random.process.chance(0.5);
        this.#world.timeline.after(random.process.exponential(50), "supervise", () => {
          if (life.isOver || this.#phase === "starting") return;
          if (isOrderly) this.restart();
          else this.crash(0);
        });
      },
    });
    this.#process = process;
    void this.#begin(process);
  }

  /** The process is gone at once, wherever it was. It starts again after `downMs`; null leaves that to others. */
  crash(downMs: number | null): void {
    const process = this.#process;
    if (process === null) return;
    const { coverage, timeline, plan, random } = this.#world;
    timeline.note("crash", this.id);
    coverage.hit("crash");
    if (this.#phase === "starting") coverage.hit("crashWhileStarting");
    if (this.disk.isStaging) coverage.hit("crashLostSnapshot");
    const { kept, lost } = this.disk.losePower(() => random.disk.chance(plan.disk.keeps));
    if (kept > 0) coverage.hit("crashKeptWrite");
    if (lost > 0) coverage.hit("crashLostWrite");
    this.#end(process);
    if (downMs !== null) timeline.after(downMs, "restart", () => this.start());
  }

  /** Stops in good order. Then it is down, and may be started again. */
  stop(): void {
    if (this.#process === null || this.#phase === "stopping") return;
    this.#phase = "stopping";
    this.#world.timeline.note("stop", this.id);
    this.#world.coverage.hit("gracefulStop");
    void this.#stop(this.#process);
  }

  /** A stop as of a rolling update: some time later it is back. */
  restart(): void {
    const { timeline, random, plan } = this.#world;
    const downMs = random.process.exponential(plan.process.downForMs);
    this.stop();
    timeline.after(downMs, "restart", () => this.#startOnceDown());
  }

  #startOnceDown(): void {
    if (this.#phase === "stopping") this.#world.timeline.after(10, "restart", () => this.#startOnceDown());
    else this.start();
  }

  /** Stops for good: whatever was to start it again some time does not. */
  retire(): void {
    this.#isRetired = true;
    this.stop();
  }

  /** It is needed after all. */
  recall(): void {
    this.#isRetired = false;
    this.#startOnceDown();
  }

  /** Its disk is lost, and so is the server. */
  wipe(): void {
    this.crash(null);
    this.#phase = "gone";
  }

  /** Its disk is lost; the server comes back with an empty one, as one that joins. */
  replaceDisk(downMs: number): void {
    this.crash(null);
    this.#world.coverage.hit("diskReplaced");
    this.#world.timeline.note("disk replaced", this.id);
    this.#disk = this.#world.newDisk(null);
    this.#world.replaced.add(this.id);
    this.#world.timeline.after(downMs, "restart", () => this.start());
  }

  async #begin(process: Process): Promise<void> {
    const { life, node } = process;
    try {
      await node.start();
      if (!life.isOver && this.#phase === "starting") this.#phase = "running";
    } catch (error) {
      if (life.isOver || this.#phase === "stopping") return;
      this.#startFailed(process, error);
    }
  }

  /** It has let go of everything again. With a damaged disk it will never start; an operator would rebuild it under another name. */
  #startFailed(process: Process, error: unknown): void {
    const { coverage, judge, timeline, random } = this.#world;
    coverage.hit("startFailed");
    timeline.note("start failed", this.id);
    judge.check(
      error instanceof StorageFailedError,
      "Fails Only With Its Storage",
      () => `server ${this.id} does not start: ${String(error)}`,
    );
    this.#release(process);
    if (this.disk.isDamaged) this.#phase = "gone";
    else timeline.after(random.process.exponential(100), "restart", () => this.start());
  }

  async #stop(process: Process): Promise<void> {
    const { judge } = this.#world;
    try {
      await process.node.stop();
    } catch (error) {
      judge.check(
        error instanceof StorageFailedError,
        "Fails Only With Its Storage",
        () => `server ${this.id} does not stop: ${String(error)}`,
      );
    }
    await process.machine.close();
    if (!process.life.isOver) this.#release(process);
  }

  #release(process: Process): void {
    const { life } = process;
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
    this.#end(process);
  }

  #end({ life }: Process): void {
    life.end();
    this.#process = null;
    this.#phase = "down";
  }
}
