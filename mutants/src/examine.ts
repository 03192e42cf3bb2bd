import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apply, MutantError } from "./apply.ts";
import type { Killer } from "./killers.ts";
import { killersOf } from "./killers.ts";
import type { Memory } from "./memory.ts";
import { folderOf, type Mutant } from "./mutant.ts";
import { Scratch } from "./scratch.ts";
import { TypesCheck } from "./types-check.ts";

/** What became of a mutant. */
export interface Result {
  readonly mutant: Mutant;
  /** Null if it survived. */
  readonly killedBy: string | null;
  /** The test file that noticed; null if it was none. */
  readonly file: string | null;
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
  readonly #memory: Memory;

  constructor(original: string, baselines: Baselines, memory: Memory) {
    this.#scratch = new Scratch(original);
    this.#types = new TypesCheck(this.#scratch.root);
    this.#baselines = baselines;
    this.#memory = memory;
  }

  /** Throws MutantError for a mutant that is no program, and another error for a killer that does not work. */
  async examine(mutant: Mutant): Promise<Result> {
    const { root } = this.#scratch;
    const folder = folderOf(mutant);
    await this.#types.begin(folder);
    const error = await this.#withMutant(mutant, () => this.#types.firstNewError(folder));
    if (error !== null) throw new MutantError(`${mutant.id} does not compile, so it is no bug: ${error}`);
    let seconds = 0;
    for (const { killer, run } of this.#turnsFor(mutant)) {
      const limit = await this.#baselines.limitSeconds(killer, root);
      const { failure, file, ...verdict } = await this.#withMutant(mutant, () => run(root, limit));
      seconds += verdict.seconds;
      if (failure !== null) return { mutant, killedBy: failure, file, seconds };
    }
    return { mutant, killedBy: null, file: null, seconds };
  }

  /** Who is to look, and in which order: the file that noticed last time, and then everybody. */
  #turnsFor(mutant: Mutant): readonly { readonly killer: Killer; readonly run: Killer["run"] }[] {
    const killers = killersOf(mutant);
    const everybody = killers.map((killer) => ({ killer, run: killer.run }));
    const file = this.#memory.fileFor(mutant.id);
    if (file === null) return everybody;
    const ofFile = killers.flatMap((killer) => {
      const one = killer.ofFile?.(file) ?? null;
      return one === null ? [] : [{ killer, run: one.run }];
    });
    return [...ofFile, ...everybody];
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
