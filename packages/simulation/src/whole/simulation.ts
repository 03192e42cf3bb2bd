import type { Coverage } from "./coverage.ts";
import { Callers } from "./callers.ts";
import { Registers } from "./registers.ts";
import { WholeFaults } from "./faults.ts";
import type { WholePlan } from "./plan.ts";
import { WholeOperators } from "./operators.ts";
import { Server } from "./server.ts";
import { Survey } from "./survey.ts";
import { Watchers } from "./watchers.ts";
import { Wires } from "./wires.ts";
import { World } from "./world.ts";

export interface WholeResult {
  readonly seed: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly writes: number;
  readonly reads: number;
  readonly unknown: number;
  /** Equal for two runs exactly if they went the same way. */
  readonly traceHash: number;
  readonly coverage: Coverage;
}

/** A cluster of whole servers with its callers and its faults, on virtual time. */
export class WholeSimulation {
  readonly world: World;
  readonly servers: readonly Server[];
  readonly callers: Callers;
  readonly registers: Registers;
  readonly watchers: Watchers;
  readonly survey: Survey;
  readonly #operators: WholeOperators;
  readonly #faults: WholeFaults;

  constructor(plan: WholePlan, crashAt: number | null, record: ((line: string) => void) | null) {
    this.world = new World(plan, crashAt, record);
    const wires = new Wires(this.world);
    const { random } = this.world;
    const { drift } = plan.process;
    this.servers = Array.from({ length: plan.size + plan.members.spares }, (_, id) => {
      const rate = 2 ** random.process.between(-2 * drift, 2 * drift);
      return new Server(this.world, wires, id, rate);
    });
    this.callers = new Callers(this.world, this.servers);
    this.registers = new Registers(this.world, this.servers);
    this.watchers = new Watchers(this.world, this.servers);
    this.survey = new Survey(this.servers);
    this.#operators = new WholeOperators(this.world, this.servers, this.survey);
    this.#faults = new WholeFaults(this.world, this.servers, wires.network, this.survey);
    for (const server of this.servers) if (server.isFounder) server.start();
    this.#operators.begin();
    this.callers.begin();
    this.registers.begin();
    this.watchers.begin();
    this.#faults.begin();
  }

  async runEvents(events: number): Promise<void> {
    const end = this.world.timeline.events + events;
    while (this.world.timeline.events < end && (await this.#step()));
  }

  /** Runs for `ms` of virtual time, or until `done`. True if `done` was reached. */
  async runFor(ms: number, done: () => boolean): Promise<boolean> {
    const { timeline } = this.world;
    const end = timeline.now + ms;
    while (timeline.now < end) {
      if (done()) return true;
      if (!(await this.#step())) break;
    }
    return done();
  }

  heal(): void {
    this.#faults.heal();
    this.#operators.tidyUp();
    this.callers.beEager();
  }

  /** Once more after healing, since changes that were under way have been finished. */
  tidyUp(): void {
    this.#operators.tidyUp();
  }

  result(): WholeResult {
    const { plan, timeline, coverage } = this.world;
    const { writes, reads, unknown } = this.callers;
    return {
      seed: plan.seed,
      events: timeline.events,
      simulatedMs: timeline.now,
      writes,
      reads,
      unknown,
      traceHash: timeline.hash,
      coverage,
    };
  }

  async #step(): Promise<boolean> {
    const happened = await this.world.timeline.step();
    for (const { life, status } of this.servers) {
      // All that follows from a rejected write has happened by now.
      if (life?.hasFailedStorage !== true || life.isPaused) continue;
      this.world.judge.check(
        status?.failure !== null || status.phase !== "running",
        "Failed Is Failed",
        () => `server ${life.server} goes on although its storage has rejected a write`,
      );
    }
    this.world.judge.throwIfViolated();
    return happened;
  }
}
