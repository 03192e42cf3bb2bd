import type { Situation } from "./coverage.ts";
import type { DurableDisk } from "./durable-disk.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

export type DiskOperation =
  | "open"
  | "write"
  | "createSnapshot"
  | "sink.write"
  | "sink.commit"
  | "readSnapshot"
  | "readChunk"
  | "close";

/** A full disk refuses these. */
const NEEDS_SPACE: ReadonlySet<DiskOperation> = new Set([
  "write",
  "createSnapshot",
  "sink.write",
  "sink.commit",
]);

/** These change what survives, at a moment that only an acknowledgement tells. After a rejection nobody knows what the disk holds. */
const CHANGES: ReadonlySet<DiskOperation> = new Set(["write", "sink.commit"]);

const SLOW_FACTOR = 50;

/** A disk that hangs may be healed before its time. */
const LOOK_AGAIN_MS = 100;

/**
 * Carries out disk operations for one process: each takes its time, fails if the disk does, and its process may crash just before it, on its way,
 * or when it is done and nobody knows yet.
 */
export class DiskOperations {
  readonly #world: World;
  readonly #life: Life;
  readonly #disk: DurableDisk;
  /** A write or a commit was rejected. */
  hasFailed = false;

  constructor(world: World, life: Life, disk: DurableDisk) {
    this.#world = world;
    this.#life = life;
    this.#disk = disk;
  }

  /** Does `effect` some time later. Of a process that is over, or crashes meanwhile, the promise never settles. */
  run<T>(what: DiskOperation, effect: () => T): Promise<T> {
    const { judge } = this.#world;
    const life = this.#life;
    judge.check(!life.isReleased, "Stopped Is Stopped", () => `server ${life.server}: ${what} after stop`);
    if (life.isOver || this.#world.boundary(life, `before ${what}`)) return new Promise(() => {});
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const pending = CHANGES.has(what) ? this.#disk.begin(() => void effect()) : null;
    this.#whenDone(what, () => {
      pending?.ended();
      const fault = this.#fault(what);
      let answer: () => void;
      try {
        // A failed operation may have reached the platter all the same.
        const value = fault === null || this.#survives(what) ? effect() : undefined;
        answer = fault === null ? () => resolve(value as T) : () => this.#fail(what, fault, reject);
      } catch (error) {
        answer = () => reject(error);
      }
      if (this.#world.boundary(life, `after ${what}`)) return;
      life.enter("io", answer);
    });
    return promise;
  }

  #whenDone(what: DiskOperation, done: () => void): void {
    const { timeline, plan, random } = this.#world;
    const isSync = what === "write" || what === "sink.commit";
    const meanMs = (isSync ? 1 : 0.2) * plan.disk.writeMsMean * (this.#disk.isSlow ? SLOW_FACTOR : 1);
    const attempt = (): void => {
      if (this.#life.isOver) return;
      const hangsMs = this.#disk.hangsUntil - timeline.now;
      if (hangsMs > 0) timeline.after(Math.min(hangsMs, LOOK_AGAIN_MS), "disk", attempt);
      else done();
    };
    timeline.after(random.disk.exponential(meanMs), "disk", attempt);
  }

  #survives(what: DiskOperation): boolean {
    // Whatever went wrong when it was closed, the process has let go of it.
    if (what === "close") return true;
    return CHANGES.has(what) && this.#world.random.disk.chance(this.#world.plan.disk.keeps);
  }

  #fault(what: DiskOperation): Error | null {
    const disk = this.#disk;
    if (disk.isFull && NEEDS_SPACE.has(what)) return new Error("ENOSPC: no space left on device");
    if (disk.failsAfter === null) return null;
    disk.failsAfter -= 1;
    if (disk.failsAfter >= 0) return null;
    disk.failsAfter = null;
    return new Error(`EIO: i/o error, ${what}`);
  }

  #fail(what: DiskOperation, fault: Error, reject: (fault: Error) => void): void {
    const { coverage, timeline } = this.#world;
    const situation: Situation = CHANGES.has(what) ? "writeFailed" : "readFailed";
    coverage.hit(situation);
    timeline.note(`${what} failed`, this.#life.server);
    if (CHANGES.has(what)) {
      this.hasFailed = true;
      this.#life.hasFailedStorage = true;
    }
    reject(fault);
  }
}
