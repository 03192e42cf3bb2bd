import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apply, MutantError } from "./apply.ts";
import type { Killer } from "./killers.ts";
import { killersOf } from "./killers.ts";
import type { Mutant } from "./mutant.ts";
import { Scratch } from "./scratch.ts";
import { TypesCheck } from "./types-check.ts";

/** What became of a mutant. */
export interface Result {
  readonly mutant: Mutant;
  /** Null if it survived. */
  readonly killedBy: string | null;
  /** Until it was killed, all killers before the right one included. */
  readonly seconds: number;
}

/** A killer that takes this many times as long as on the sources as they are hangs. */
const HANG_FACTOR = 5;
const HANG_SECONDS_MIN = 30;

/** Lets killers loose on mutants, in a copy of its own. */
export class Examiner {
  readonly #scratch: Scratch;
  readonly #types: TypesCheck;
  readonly #baselines: Baselines;

  private constructor(scratch: Scratch, baselines: Baselines) {
    this.#scratch = scratch;
    this.#types = new TypesCheck(scratch.root);
    this.#baselines = baselines;
  }

  static async create(original: string, baselines: Baselines): Promise<Examiner> {
    const examiner = new Examiner(new Scratch(original), baselines);
    await examiner.#types.begin();
    return examiner;
  }

  /** Throws MutantError for a mutant that is no program, and another error for a killer that does not work. */
  async examine(mutant: Mutant): Promise<Result> {
    const { root } = this.#scratch;
    const error = await this.#withMutant(mutant, () => this.#types.firstNewError());
    if (error !== null) throw new MutantError(`${mutant.id} does not compile, so it is no bug: ${error}`);
    let seconds = 0;
    for (const killer of killersOf(mutant)) {
      const limit = await this.#baselines.limitSeconds(killer, root);
      const verdict = await this.#withMutant(mutant, () => killer.run(root, limit));
      seconds += verdict.seconds;
      if (verdict.failure !== null) return { mutant, killedBy: verdict.failure, seconds };
    }
    return { mutant, killedBy: null, seconds };
  }

  remove(): void {
    this.#scratch.remove();
  }

  async #withMutant<T>(mutant: Mutant, run: () => Promise<T>): Promise<T> {
    const restore = apply(this.#scratch.root, mutant);
    try {
      return await run();
    } finally {
      restore();
    }
  }
}

/** What each killer does with the sources as they are. Shared by all examiners: one finds out for all. */
export class Baselines {
  readonly #limits = new Map<Killer, Promise<number>>();
  readonly #report: (line: string) => void;

  constructor(report: (line: string) => void) {
    this.#report = report;
  }

  /**
   * How long `killer` may take before it hangs. Throws unless it passes on the sources as they are, and fails when the package it tests cannot
   * even be loaded: one that looked elsewhere would let every mutant live.
   */
  limitSeconds(killer: Killer, root: string): Promise<number> {
    const known = this.#limits.get(killer);
    if (known !== undefined) return known;
    const limit = this.#measure(killer, root);
    this.#limits.set(killer, limit);
    return limit;
  }

  async #measure(killer: Killer, root: string): Promise<number> {
    const { failure, seconds } = await killer.run(root, 600);
    if (failure !== null) throw new Error(`without any mutant, "${killer.name}" fails already: ${failure}`);
    const restore = makeUnloadable(root, killer.uses);
    try {
      const broken = await killer.run(root, 600);
      if (broken.failure === null)
        throw new Error(`"${killer.name}" does not notice that nothing can be loaded`);
    } finally {
      restore();
    }
    this.#report(`without a mutant "${killer.name}" passes in ${seconds.toFixed(1)} s`);
    return Math.max(HANG_SECONDS_MIN, HANG_FACTOR * seconds);
  }
}

/** Makes a package one that none of its users can load. Returns what puts it back. */
function makeUnloadable(root: string, name: string): () => void {
  const path = join(root, "packages", name, "src/index.ts");
  const original = readFileSync(path, "utf8");
  writeFileSync(path, `throw new Error("made unloadable");\n${original}`);
  return () => writeFileSync(path, original);
}
