import type { NodeId } from "@eraft/core";
import { Random } from "../random.ts";
import { Chronicle } from "./chronicle.ts";
import { Coverage } from "./coverage.ts";
import { DurableDisk } from "./durable-disk.ts";
import { Judge } from "./judge.ts";
import type { Life } from "./life.ts";
import type { WholePlan } from "./plan.ts";
import { Timeline } from "./timeline.ts";

/** What all parts of a run share. */
export class World {
  readonly plan: WholePlan;
  readonly timeline: Timeline;
  readonly judge: Judge = new Judge();
  readonly coverage: Coverage = new Coverage();
  readonly chronicle: Chronicle = new Chronicle(this.judge, this.coverage);
  /** One stream for each concern, so that what one draws does not shift what the others do. */
  readonly random: Readonly<
    Record<"disk" | "network" | "process" | "clients" | "operators" | "boundary", Random>
  >;
  readonly #crashAt: number | null;
  readonly #sentCommands = new Set<string>();
  #boundaries = 0;
  #disks = 0;
  /** Servers that have lost a disk and come back with another one. */
  readonly replaced: Set<NodeId> = new Set();
  /** False once healed: from then on nothing goes wrong any more. */
  isFaulty = true;
  /** Requests between servers so far. */
  requests = 0;

  /** @param crashAt the number of the one boundary at which the server that reaches it crashes */
  constructor(plan: WholePlan, crashAt: number | null, record: ((line: string) => void) | null) {
    this.plan = plan;
    this.timeline = new Timeline(record);
    this.#crashAt = crashAt;
    const stream = (concern: string): Random => new Random(plan.seed, `whole ${concern}`);
    this.random = {
      disk: stream("disk"),
      network: stream("network"),
      process: stream("process"),
      clients: stream("clients"),
      operators: stream("operators"),
      boundary: stream("boundary"),
    };
  }

  /** A disk, empty but for the name of the cluster if that is known. */
  newDisk(clusterId: string | null): DurableDisk {
    this.#disks += 1;
    return new DurableDisk(this.#disks, clusterId);
  }

  /** Whether a client has sent this command before. */
  isRetry(command: string): boolean {
    if (this.#sentCommands.has(command)) return true;
    this.#sentCommands.add(command);
    return false;
  }

  /**
   * A process is about to do, or has just done, something that the world outside can see. These are the only moments at which a crash makes a
   * difference. True if this one is a crash.
   */
  boundary(life: Life, where: string): boolean {
    if (!this.isFaulty) return false;
    this.#boundaries += 1;
    const { crashAtBoundary } = this.plan.process;
    const crashes =
      this.#boundaries === this.#crashAt ||
      (crashAtBoundary > 0 && this.random.boundary.chance(crashAtBoundary));
    if (!crashes) return false;
    this.timeline.note(`crash ${where}`, life.server);
    this.coverage.hit("crashAtBoundary");
    life.crash();
    return true;
  }
}
