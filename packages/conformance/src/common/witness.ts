import { canonical } from "./canonical.ts";

/** How much of the story an error tells: enough to see what led there, not the whole of a random workload. */
const MAX_STEPS_TOLD = 12;
const MAX_TEXT = 400;

/** A backend broke a promise of its port. The message says which, what was done, what was expected and what was seen. */
export class ConformanceError extends Error {
  override readonly name = "ConformanceError";
  /** Which comment of the ports promises it, such as "Storage.write". */
  readonly promise: string;
  /** What was done, in order. */
  readonly done: readonly string[];
  readonly expected: string;
  readonly seen: string;

  constructor(
    promise: string,
    done: readonly string[],
    expected: string,
    seen: string,
    options?: ErrorOptions,
  ) {
    const told = done.slice(-MAX_STEPS_TOLD);
    const story = told.length < done.length ? [`(${done.length - told.length} steps before)`, ...told] : told;
    super(
      [
        `${promise} is not kept.`,
        `  done:     ${story.join("; ") || "nothing yet"}`,
        `  expected: ${expected}`,
        `  seen:     ${seen}`,
      ].join("\n"),
      options,
    );
    this.promise = promise;
    this.done = [...done];
    this.expected = expected;
    this.seen = seen;
  }
}

/** Keeps the story of one case, and turns what should not be into a {@link ConformanceError}. */
export class Witness {
  readonly #promise: string;
  readonly #done: string[] = [];

  constructor(promise: string) {
    this.#promise = promise;
  }

  /** How many steps the story has. */
  get steps(): number {
    return this.#done.length;
  }

  /** A witness who knows the first `steps` of the story, and whose further story is not told to this one. */
  aside(steps: number = this.steps): Witness {
    const other = new Witness(this.#promise);
    for (const step of this.#done.slice(0, steps)) other.did(step);
    return other;
  }

  did(what: string): void {
    this.#done.push(what);
  }

  fail(expected: string, seen: string, cause?: unknown): never {
    throw new ConformanceError(
      this.#promise,
      this.#done,
      cut(expected),
      cut(seen),
      cause === undefined ? undefined : { cause },
    );
  }

  check(holds: boolean, expected: string, seen: string): void {
    if (!holds) this.fail(expected, seen);
  }

  /** `seen` and `expected` are the same data, whatever objects they are made of. */
  equal(seen: unknown, expected: unknown, what: string): void {
    const [left, right] = [canonical(seen), canonical(expected)];
    if (left === right) return;
    const from = firstDifference(left, right);
    this.fail(`${what}: ${excerpt(right, from)}`, excerpt(left, from));
  }

  /** `promise` rejects; what with is the backend's own affair. */
  async rejects(promise: Promise<unknown>, what: string): Promise<void> {
    try {
      await promise;
    } catch {
      this.did(`${what}: rejected`);
      return;
    }
    this.fail(`${what}: a rejection`, "it resolved");
  }

  /** The backend threw or rejected where it promised not to. */
  surprisedBy(error: unknown): ConformanceError {
    const seen = error instanceof Error ? `${error.name}: ${error.message}` : canonical(error);
    return new ConformanceError(this.#promise, this.#done, "no error", cut(seen), { cause: error });
  }
}

function firstDifference(left: string, right: string): number {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  return at;
}

/** The part of a long text that matters. */
function excerpt(text: string, from: number): string {
  if (text.length <= MAX_TEXT) return text;
  const start = Math.max(0, from - MAX_TEXT / 4);
  const end = start + (MAX_TEXT * 3) / 4;
  return `${start > 0 ? `(${start} characters) ...` : ""}${text.slice(start, end)}${end < text.length ? "..." : ""}`;
}

function cut(text: string): string {
  return text.length > 3 * MAX_TEXT ? `${text.slice(0, 3 * MAX_TEXT)}...` : text;
}
