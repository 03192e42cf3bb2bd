const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/**
 * One Ctrl-C can arrive more than once: from the terminal, and again from the package manager or wrapper in between that passes it on.
 * Only what comes later than this was asked for a second time.
 */
const SAME_REQUEST_MS = 1000;

/** Requests to stop this process, from the moment it is made until `dispose`. */
export class StopSignals {
  /** Resolves with the first request. */
  readonly first: Promise<NodeJS.Signals>;
  readonly #listener: (signal: NodeJS.Signals) => void;

  /** `again` is called when the first request was not enough. */
  constructor(again: () => void) {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
    let firstAtMs: number | null = null;
    this.first = promise;
    this.#listener = (signal) => {
      const nowMs = performance.now();
      if (firstAtMs === null) {
        firstAtMs = nowMs;
        resolve(signal);
      } else if (nowMs - firstAtMs > SAME_REQUEST_MS) {
        again();
      }
    };
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  dispose(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }
}
