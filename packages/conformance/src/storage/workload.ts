import type { Entry, HardState, SnapshotMeta } from "@eraft/core";
import { sampleBytes } from "../common/bytes.ts";
import { Random } from "../common/random.ts";
import { Model } from "./model.ts";
import { JOINT, SETTLED, randomConfiguration } from "./members.ts";
import {
  type Step,
  append,
  batch,
  configured,
  entries,
  metaOf,
  replace,
  snapshot,
  snapshotWith,
  vote,
} from "./steps.ts";

/** Each step is there for a hazard: see the comments. Sizes are small, because crash cases try it at every operation. */
export const CRAFTED_WORKLOAD: readonly Step[] = [
  vote(1, 2),
  // Several sectors of a disk, so that it can be torn.
  append(...entries(1, 1, 700, 10, 300)),
  append(...entries(4, 1, 1)),
  // All three parts at once: none may be there without the others.
  {
    type: "write",
    batch: { hardState: { term: 2, votedFor: null }, truncateFrom: 3, entries: entries(3, 2, 200) },
  },
  append(...entries(4, 2, 600, 600)),
  // The same index in three terms: an older one must not shine through.
  replace(5, ...entries(5, 3, 50)),
  replace(5, configured(5, 4, JOINT)),
  // Keeps entry 5.
  ...snapshot(4, 2, 100),
  append(...entries(6, 4, 400, 400)),
  vote(5, 1),
  // Contradicts entry 6, which has term 4: keeps nothing. The members must not go with the log.
  ...snapshotWith(JOINT, 6, 5, 700, 500),
  // Where the dropped log had an entry 7: that one must not come back.
  append(...entries(7, 5, 30)),
  append(...entries(8, 5, 3000)),
  { type: "write", batch: { hardState: { term: 6, votedFor: null }, truncateFrom: 7, entries: [] } },
  // Beyond the end of the log. The members of the snapshot before must not be taken for its own.
  ...snapshot(20, 6, 10),
  append(...entries(21, 6, 5, 900)),
  // Filled and given up, with a write in between.
  { type: "fill", meta: metaOf(21, 6), chunks: [sampleBytes(600, 3)] },
  append(...entries(23, 6, 100)),
  { type: "abort" },
  // Filled before, committed after a truncation that takes away the entry it ends with.
  { type: "fill", meta: metaOf(22, 6), chunks: [sampleBytes(600, 4)] },
  {
    type: "write",
    batch: { hardState: { term: 7, votedFor: 0 }, truncateFrom: 22, entries: entries(22, 7, 80) },
  },
  { type: "commit" },
  append(...entries(23, 7, 40), configured(24, 7, SETTLED)),
];

/** `count` steps (or a few more) that a correct server could take, the same for the same seed. */
export function randomWorkload(seed: number, count: number): readonly Step[] {
  const generator = new Generator(new Random(seed));
  while (generator.steps.length < count || generator.isFilling) generator.next();
  return generator.steps;
}

/** Remembers what has been stored, so that each next step is one that Raft can take: see dissertation, Figure 3.1 and 5.1. */
class Generator {
  readonly steps: Step[] = [];
  readonly #random: Random;
  readonly #model = new Model();
  #filling: { readonly meta: SnapshotMeta; readonly bytes: Uint8Array } | null = null;

  constructor(random: Random) {
    this.#random = random;
  }

  get isFilling(): boolean {
    return this.#filling !== null;
  }

  next(): void {
    const choice = this.#random.below(12);
    if (choice === 0) this.#add({ type: "write", batch: batch({}) });
    else if (choice <= 2) this.#add({ type: "write", batch: batch({ hardState: this.#hardState() }) });
    else if (choice <= 5) this.#append(null);
    else if (choice <= 7) this.#truncate();
    else if (this.#filling === null) this.#fillOrStale();
    else this.#add({ type: this.#random.oneIn(4) ? "abort" : "commit" });
  }

  #append(truncateFrom: number | null): void {
    const hardState = this.#random.oneIn(2) ? this.#hardState() : null;
    const term = hardState?.term ?? this.#term;
    const first = truncateFrom ?? this.#lastIndex + 1;
    const sizes = this.#sizes();
    // Terms never decrease along a log.
    const lowest = this.#termAt(first - 1);
    const middle = this.#random.between(lowest, Math.max(lowest, term));
    const cut = this.#random.below(sizes.length + 1);
    const added: readonly Entry[] = [
      ...entries(first, middle, ...sizes.slice(0, cut)),
      ...entries(first + cut, Math.max(middle, term), ...sizes.slice(cut)),
    ];
    const written = added.map((entry) =>
      this.#random.oneIn(12) ? configured(entry.index, entry.term, randomConfiguration(this.#random)) : entry,
    );
    this.#add({ type: "write", batch: { hardState, truncateFrom, entries: written } });
  }

  #truncate(): void {
    const { entries } = this.#model.contents();
    if (entries.length === 0) return this.#append(null);
    const from = entries[this.#random.below(entries.length)]?.index ?? 1;
    if (this.#random.oneIn(3)) this.#add(replace(from));
    else this.#append(from);
  }

  /** Within the log and of its term, within the log and against it, beyond it; or one that must be refused. */
  #fillOrStale(): void {
    const { snapshot } = this.#model.contents();
    const base = snapshot?.lastIncludedIndex ?? 0;
    const baseTerm = snapshot?.lastIncludedTerm ?? 0;
    if (base > 0 && this.#random.oneIn(4)) {
      const meta = metaOf(this.#random.between(Math.max(1, base - 3), base), baseTerm);
      this.#add({ type: "staleSnapshot", meta });
      return;
    }
    const index = this.#random.between(base + 1, this.#lastIndex + 3);
    const known = this.#model.contents().entries.find((entry) => entry.index === index);
    const other = this.#random.between(Math.max(1, baseTerm), Math.max(1, baseTerm, this.#term));
    const term = known !== undefined && !this.#random.oneIn(3) ? known.term : other;
    const chunks = this.#sizes().map((size, i) => sampleBytes(size, index + term + i));
    const configuration = this.#random.oneIn(2) ? randomConfiguration(this.#random) : null;
    this.#add({ type: "fill", meta: metaOf(index, term, configuration), chunks });
  }

  #add(step: Step): void {
    this.steps.push(step);
    if (step.type === "write") this.#model.write(step.batch);
    if (step.type === "fill") {
      const bytes = new Uint8Array(0);
      this.#filling = { meta: step.meta, bytes };
    }
    if (step.type === "commit" && this.#filling !== null) {
      this.#model.commit(this.#filling.meta, this.#filling.bytes);
    }
    if (step.type === "commit" || step.type === "abort") this.#filling = null;
  }

  /** The same term with a vote, or a higher one. */
  #hardState(): HardState {
    const term = Math.max(1, this.#term + this.#random.below(3));
    const votedFor = this.#random.oneIn(3) ? null : this.#random.below(3);
    return { term, votedFor };
  }

  #sizes(): readonly number[] {
    const random = this.#random;
    switch (random.below(6)) {
      case 0:
        return [random.between(1500, 4000)];
      case 1:
        return Array.from({ length: random.between(10, 40) }, () => random.below(12));
      default:
        return Array.from({ length: random.between(1, 3) }, () => random.below(600));
    }
  }

  /** At least the highest term in snapshot and log, as everywhere in Raft. */
  get #term(): number {
    const { hardState, snapshot } = this.#model.contents();
    return Math.max(1, hardState.term, snapshot?.lastIncludedTerm ?? 0, this.#termAt(this.#lastIndex));
  }

  get #lastIndex(): number {
    const { entries, snapshot } = this.#model.contents();
    return entries.at(-1)?.index ?? snapshot?.lastIncludedIndex ?? 0;
  }

  #termAt(index: number): number {
    const { entries, snapshot } = this.#model.contents();
    if (index === snapshot?.lastIncludedIndex) return snapshot.lastIncludedTerm;
    return entries.find((entry) => entry.index === index)?.term ?? 0;
  }
}
