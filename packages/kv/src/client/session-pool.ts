import { KvInvalidArgumentError } from "../errors.ts";

/** One client session as the servers see it: it counts its commands, and has at most one of them under way. */
export class ClientSession {
  readonly clientId: bigint;
  #nextCommandId = 0n;

  constructor(clientId: bigint) {
    this.clientId = clientId;
  }

  /** The id of a new command. A retry of a command keeps the id it has. */
  nextCommandId(): bigint {
    const id = this.#nextCommandId;
    this.#nextCommandId += 1n;
    return id;
  }
}

interface Waiter {
  readonly take: (session: ClientSession) => void;
}

/**
 * The sessions of one {@link KvraftClient}, so that many writes can be under way although a session has only one.
 *
 * Servers keep one command id and one answer per session. Were two commands of a session under way at once, the later one could be applied
 * first, and the earlier one would then be taken for its duplicate: acknowledged, and never done. So a call has a session to itself.
 *
 * The number of sessions is bounded, because the servers' table is: a burst of calls with a session each would evict other clients'
 * sessions, and their retries would be applied twice. Calls above the bound wait in the order they came.
 */
export class SessionPool {
  readonly #maxSessions: number;
  readonly #newClientId: () => bigint;
  readonly #free: ClientSession[] = [];
  readonly #waiters = new Set<Waiter>();
  #inUse = 0;

  constructor(maxSessions: number, newClientId: () => bigint = randomClientId) {
    if (!Number.isSafeInteger(maxSessions) || maxSessions < 1) {
      throw new KvInvalidArgumentError(`maxSessions is ${maxSessions}, not a whole number from 1`);
    }
    this.#maxSessions = maxSessions;
    this.#newClientId = newClientId;
  }

  /** Resolves with a session of the caller's own, to be given to `release` or `retire`. Rejects with the reason of `signal`. */
  acquire(signal: AbortSignal): Promise<ClientSession> {
    if (signal.aborted) return Promise.reject(reasonOf(signal));
    if (this.#inUse < this.#maxSessions) {
      this.#inUse += 1;
      return Promise.resolve(this.#freshest());
    }
    const { promise, resolve, reject } = Promise.withResolvers<ClientSession>();
    const abort = (): void => {
      this.#waiters.delete(waiter);
      reject(reasonOf(signal));
    };
    const waiter: Waiter = {
      take: (session) => {
        signal.removeEventListener("abort", abort);
        resolve(session);
      },
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#waiters.add(waiter);
    return promise;
  }

  /** Takes a session back whose last command has an answer, or was certainly not done. */
  release(session: ClientSession): void {
    this.#free.push(session);
    this.#handOn();
  }

  /**
   * Forgets a session whose last command may still be on its way. Reused, the session would have two commands under way: whether the late
   * one is still done, or taken for a duplicate of the new one, would depend on which is applied first.
   */
  retire(): void {
    this.#handOn();
  }

  #handOn(): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter);
      waiter.take(this.#freshest());
      return;
    }
    this.#inUse -= 1;
  }

  /** The session used last. So after a burst of calls the sessions on top of it rest, and the servers may evict them. */
  #freshest(): ClientSession {
    return this.#free.pop() ?? new ClientSession(this.#newClientId());
  }
}

/** A client id from 1 to 2^62 - 1, as the Go clients draw theirs; 0 would mean no session. */
export function randomClientId(): bigint {
  for (;;) {
    const [bits = 0n] = crypto.getRandomValues(new BigUint64Array(1));
    const id = BigInt.asUintN(62, bits);
    if (id !== 0n) return id;
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error("aborted", { cause: signal.reason });
}
