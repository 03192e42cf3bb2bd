import type { Clock } from "@eraft/core";
import { TimeoutError } from "./errors.ts";
import type { AbortSignalLike, RequestOptions } from "./request-options.ts";

/** What ends the wait that `options` limit: the caller's signal, its time, or whichever comes first. No timer where no time is given. */
export function limitOf(options: RequestOptions, clock: Clock): AbortSignalLike | undefined {
  const { signal, timeoutMs } = options;
  if (timeoutMs === undefined) return signal;
  if (!(timeoutMs >= 0)) throw new TypeError(`timeoutMs is ${timeoutMs}, not a number of milliseconds`);
  return new Deadline(signal, timeoutMs, clock);
}

/** For one wait: its timer runs from `addEventListener` to `removeEventListener`. */
class Deadline implements AbortSignalLike {
  readonly #signal: AbortSignalLike | undefined;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #cancel: () => void = () => {};
  #timeout: TimeoutError | null = null;

  constructor(signal: AbortSignalLike | undefined, timeoutMs: number, clock: Clock) {
    this.#signal = signal;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  get reason(): unknown {
    return this.#timeout ?? this.#signal?.reason;
  }

  throwIfAborted(): void {
    this.#signal?.throwIfAborted();
  }

  addEventListener(type: "abort", listener: () => void): void {
    this.#signal?.addEventListener(type, listener);
    // A timer can wait 2^31 - 1 ms; Node.js lets one that is longer fire at once.
    if (this.#timeoutMs > MAX_TIMER_MS) return;
    this.#cancel = this.#clock.after(this.#timeoutMs, () => {
      this.#timeout = new TimeoutError(this.#timeoutMs);
      listener();
    });
  }

  removeEventListener(type: "abort", listener: () => void): void {
    this.#signal?.removeEventListener(type, listener);
    this.#cancel();
  }
}

const MAX_TIMER_MS = 2 ** 31 - 1;
