import type { State, Step } from "../model.ts";
import type { Stored } from "./stored.ts";
import { textOf } from "./stored.ts";

/** Something that may be found on the disk after a crash in a certain range of operations. */
interface Possible {
  readonly stored: Stored;
  readonly state: State;
  /** Begun before this many operations plus one: a crash after `from` operations cannot have left it, a later one can. */
  readonly from: number;
  /** A crash after this many operations must not leave it any more: what replaces it has been acknowledged. */
  until: number;
}

/** Which states a crash at each point of a recording may leave: all that was acknowledged, and of what was under way all or nothing. */
export class History {
  readonly #possible: Possible[] = [];
  readonly #marks: { readonly from: number; readonly kind: string; readonly step: Step | null }[] = [];

  constructor(stored: Stored) {
    this.add(stored, -1, Infinity);
  }

  /** What is stored, now that nothing is under way. */
  get current(): Stored {
    return this.#last().stored;
  }

  /** `next` was begun after `from` operations and acknowledged after `acknowledged`. */
  advance(next: Stored, from: number, acknowledged: number): void {
    this.supersede(acknowledged);
    // An empty batch takes no operation, and changes nothing.
    this.add(next, Math.min(from, acknowledged - 1), Infinity);
  }

  /** What is stored now is not any more, after so many operations. */
  supersede(at: number): void {
    this.#last().until = at;
  }

  add(stored: Stored, from: number, until: number): void {
    this.#possible.push({ stored, state: textOf(stored), from, until });
  }

  allowed(after: number): readonly Stored[] {
    return this.#possible.filter((it) => it.from < after && after < it.until).map((it) => it.stored);
  }

  /** What was stored when a disk says `state`, or null if that was never to be stored; `allowed` tells if it may be there. */
  find(state: State, after: number): Stored | null {
    return (
      this.#possible.find((it) => it.state === state && it.from < after && after < it.until)?.stored ?? null
    );
  }

  /** Names what the operations from here on belong to, and the step that they are for if there is just one. */
  mark(kind: string, from: number, step: Step | null = null): void {
    this.#marks.push({ from, kind, step });
  }

  /** What a crash after so many operations interrupts. */
  kindAt(after: number): string {
    return this.#markAt(after)?.kind ?? "before anything";
  }

  /** The step that a crash after so many operations interrupts, if it is just one. */
  stepAt(after: number): Step | null {
    return this.#markAt(after)?.step ?? null;
  }

  #markAt(after: number) {
    return this.#marks.findLast(({ from }) => from < after);
  }

  #last(): Possible {
    const last = this.#possible.at(-1);
    if (last === undefined) throw new Error("a history begins with something");
    return last;
  }
}
