import { CrashDisk, type DiskImage } from "@eraft/conformance";
import { WalStorage } from "../../src/index.ts";
import { faulty, systemError } from "../faulty-disk.ts";
import { type Step, openState, take } from "../model.ts";
import { type Action, nextAction } from "./actions.ts";
import { History } from "./history.ts";
import type { Random } from "./random.ts";
import { type Stored, after, keepsSuffix, textOf } from "./stored.ts";

export const DIR = "/wal";

/** Small, so that a few batches fill several; and not the same from one open to the next. */
const SEGMENT_BYTES = [512, 1024, 2048, 4096] as const;

/** One process; a dead one can do nothing more, whatever it had still planned. */
interface Process {
  /** Changes of the disk until it dies. */
  changesLeft: number;
}

/** One disk from one power loss to the next: everything that was asked of it, and what it must hold at each point. */
export class Life {
  readonly disk: CrashDisk;
  readonly history: History;
  /** Of each kind, how many actions were taken. */
  readonly actions: Map<string, number> = new Map();
  readonly #random: Random;
  #storage: WalStorage | null = null;
  #process: Process = { changesLeft: Infinity };

  constructor(random: Random, image: DiskImage, stored: Stored) {
    this.#random = random;
    this.disk = new CrashDisk(image);
    this.history = new History(stored);
  }

  /** Opens the storage, takes `first`, if any, and so many actions more, each one that fits what is stored then. */
  async run(first: Step | null, actions: number): Promise<void> {
    this.#mark("open after a power loss");
    await this.#open();
    for (let left = actions; left > 0; left -= 1) {
      const action =
        first !== null && left === actions
          ? ({ type: "step", step: first } as const)
          : nextAction(this.#random, this.history.current);
      const kind = kindOf(action, this.history.current);
      this.actions.set(kind, (this.actions.get(kind) ?? 0) + 1);
      this.#mark(kind, action.type === "step" ? action.step : null);
      await this.#take(action);
    }
  }

  async #take(action: Action): Promise<void> {
    switch (action.type) {
      case "step":
        return this.#step(action.step);
      case "burst":
        return this.#burst(action.steps);
      case "giveUp": {
        const sink = await this.#running().createSnapshot(action.step.meta);
        await sink.write(action.step.data);
        return sink.abort();
      }
      case "reopen":
        await this.#running().close();
        return this.#open();
      case "kill":
        return this.#kill(action.step, action.changes);
    }
  }

  async #step(step: Step): Promise<void> {
    const begun = this.#now;
    await take(this.#running(), step);
    this.history.advance(after(this.history.current, step), begun, this.#now);
  }

  /** Writes and a commit under way at once take effect in the order of the calls. */
  async #burst(steps: readonly Step[]): Promise<void> {
    const storage = this.#running();
    const snapshot = steps.find((step) => step.type === "snapshot");
    const sink = snapshot === undefined ? null : await storage.createSnapshot(snapshot.meta);
    if (snapshot !== undefined) await sink?.write(snapshot.data);
    const begun = this.#now;
    const done = steps.map(async (step) => {
      await (step.type === "write" ? storage.write(step.batch) : sink?.commit());
      return this.#now;
    });
    for (const [i, acknowledged] of (await Promise.all(done)).entries()) {
      const step = steps[i];
      if (step !== undefined) this.history.advance(after(this.history.current, step), begun, acknowledged);
    }
  }

  async #kill(step: Step, changes: number): Promise<void> {
    const before = this.history.current;
    const begun = this.#now;
    this.#process.changesLeft = changes;
    const died = await take(this.#running(), step).then(
      () => false,
      () => true,
    );
    if (!died) this.history.advance(after(before, step), begun, this.#now);
    this.#mark("open after a kill");
    const dead = this.#now;
    this.#process.changesLeft = 0;
    const found = await this.#openAfterKill();
    if (!died) return;
    const possible = [before, after(before, step)];
    const stored = possible.find((it) => textOf(it) === found);
    if (stored === undefined) throw new Error(`after a kill within a ${step.type}, open restores\n${found}`);
    // Until the open was done, a power loss could still decide otherwise than the kill did.
    this.history.supersede(this.#now);
    this.history.add(after(before, step), begun, this.#now);
    this.history.add(stored, dead, Infinity);
  }

  /** The next process may die as well, while it cleans up. */
  async #openAfterKill(): Promise<string> {
    if (this.#random.oneIn(3)) {
      const dying = this.#openState({ changesLeft: this.#random.below(8) });
      await Promise.allSettled([dying]);
      this.#process.changesLeft = 0;
    }
    return this.#openState();
  }

  async #open(): Promise<void> {
    const found = await this.#openState();
    const expected = textOf(this.history.current);
    if (found !== expected) throw new Error(`open restores\n${found}\nwhere this was stored:\n${expected}`);
  }

  #openState(process: Process = { changesLeft: Infinity }): Promise<string> {
    this.disk.releaseLocks();
    this.#process = process;
    const fileSystem = faulty(this.disk, (point) => {
      if (process.changesLeft > 0 && (point === "read" || point === "open")) return null;
      return process.changesLeft-- > 0 ? null : systemError("EKILLED");
    });
    const segmentBytes = this.#random.pick(SEGMENT_BYTES);
    this.#storage = new WalStorage({ dir: DIR, segmentBytes, fileSystem });
    return openState(this.#storage);
  }

  #running(): WalStorage {
    if (this.#storage === null) throw new Error("nothing is open");
    return this.#storage;
  }

  get #now(): number {
    return this.disk.operations.length;
  }

  #mark(kind: string, step: Step | null = null): void {
    this.history.mark(kind, this.#now, step);
  }
}

function kindOf(action: Action, stored: Stored): string {
  switch (action.type) {
    case "step":
      return kindOfStep(action.step, stored);
    case "burst":
      return action.steps.every(({ type }) => type === "write")
        ? "several writes at once"
        : "snapshot during writes";
    case "giveUp":
      return "snapshot given up";
    case "reopen":
      return "close and open";
    case "kill":
      return `kill during ${kindOfStep(action.step, stored)}`;
  }
}

function kindOfStep(step: Step, stored: Stored): string {
  if (step.type === "write") return step.batch.truncateFrom === null ? "write" : "truncating write";
  return keepsSuffix(stored, step.meta) ? "snapshot that keeps the log" : "snapshot that drops the log";
}
