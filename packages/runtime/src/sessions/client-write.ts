import { type Serial, SESSION_WINDOW, type SessionId } from "./serial.ts";

/** A write of a client, from `propose` to its answer. */
export class ClientWrite<Result> {
  readonly command: Uint8Array;
  readonly promise: Promise<Result>;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  /** An attempt has ended without anybody knowing what became of it. */
  mayBeDone = false;
  /** It has its answer, or nobody wants one. */
  isOver = false;
  /** The session that it has a number in. */
  epoch: Epoch<Result> | null = null;
  sequence = 0;

  constructor(command: Uint8Array) {
    this.command = command;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.promise = promise;
    this.resolve = resolve;
    this.reject = reject;
  }
}

/** The time of one session: the numbers of its writes, and which of them have no answer. */
export class Epoch<Result> {
  readonly sessionId: SessionId;
  readonly #unanswered = new Map<number, ClientWrite<Result>>();
  #last = 0;

  constructor(sessionId: SessionId) {
    this.sessionId = sessionId;
  }

  get inflight(): number {
    return this.#unanswered.size;
  }

  /** Whether servers would take one more: one that waits for its answer holds up those far above it. */
  get hasRoom(): boolean {
    return this.#last + 1 - this.#firstUnanswered <= SESSION_WINDOW;
  }

  number(write: ClientWrite<Result>): void {
    this.#last += 1;
    write.sequence = this.#last;
    write.epoch = this;
    this.#unanswered.set(write.sequence, write);
  }

  serialOf({ sequence }: ClientWrite<Result>): Serial {
    return {
      sessionId: this.sessionId,
      sequence,
      firstUnanswered: Math.min(this.#firstUnanswered, sequence),
    };
  }

  answered({ sequence, epoch }: ClientWrite<Result>): void {
    if (epoch === this) this.#unanswered.delete(sequence);
  }

  /** Numbers are given upwards, so the first one in the map is the lowest. */
  get #firstUnanswered(): number {
    const lowest = this.#unanswered.keys().next();
    return lowest.done === true ? this.#last + 1 : lowest.value;
  }
}
