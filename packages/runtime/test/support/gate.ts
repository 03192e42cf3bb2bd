/** Something that waits until the test opens it. */
export class Gate {
  #opened = Promise.withResolvers<void>();
  #isClosed = false;
  /** How many wait, or have waited. */
  arrivals = 0;

  close(): void {
    this.#isClosed = true;
    this.#opened = Promise.withResolvers<void>();
  }

  open(): void {
    this.#isClosed = false;
    this.#opened.resolve();
  }

  readonly pass = async (): Promise<void> => {
    if (!this.#isClosed) return;
    this.arrivals += 1;
    await this.#opened.promise;
  };
}

/** What became of a promise: its error, or undefined while it waits and once it is fulfilled. */
export function outcomeOf(promise: Promise<unknown>): { readonly state: string; readonly error: unknown } {
  const outcome: { state: string; error: unknown } = { state: "pending", error: undefined };
  void (async () => {
    try {
      await promise;
      outcome.state = "fulfilled";
    } catch (error) {
      outcome.state = "rejected";
      outcome.error = error;
    }
  })();
  return outcome;
}
