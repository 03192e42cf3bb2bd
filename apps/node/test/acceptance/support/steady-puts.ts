import { KvCallError } from "@eraft/kv";
import { type Clients, openClients } from "../../chaos/workload/clients.ts";

export interface SteadyPutsOptions {
  readonly addresses: readonly string[];
  readonly perSecond: number;
}

/** A put: when it was due, in milliseconds of `performance.now`, and how long after that it was acknowledged. */
export interface TimedPut {
  readonly dueMs: number;
  readonly latencyMs: number;
}

const CLIENTS = 4;
const KEYS = 10_000;
const VALUE = "a small value of fifty bytes, as counters and flags";
/** Nothing but a cluster that does not serve takes so long. */
const DEADLINE_MS = 30_000;

/**
 * Puts of small values at a fixed rate, whether or not the ones before were answered. Latency counts from when a put was due: a cluster that stops
 * for a second makes a thousand puts late, and not just one client.
 */
export class SteadyPuts {
  readonly #done: TimedPut[] = [];
  readonly #underWay = new Set<Promise<void>>();
  readonly #errors: string[] = [];
  readonly #clients: Clients;
  readonly #timer: NodeJS.Timeout;
  readonly #startMs = performance.now();
  readonly #perSecond: number;
  #begun = 0;

  constructor({ addresses, perSecond }: SteadyPutsOptions) {
    this.#perSecond = perSecond;
    this.#clients = openClients(addresses, CLIENTS);
    this.#timer = setInterval(() => this.#beginDue(), 1);
  }

  /** Those that are acknowledged, in the order of their acknowledgements. */
  get done(): readonly TimedPut[] {
    return this.#done;
  }

  /** Why puts failed. Nothing, if all is well. */
  get problems(): readonly string[] {
    return this.#errors;
  }

  /** Begins no more; resolves once the last one has ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    this.#clients.close();
  }

  #beginDue(): void {
    const now = performance.now();
    for (;;) {
      const dueMs = this.#startMs + (this.#begun * 1000) / this.#perSecond;
      if (dueMs > now) return;
      const put = this.#put(this.#begun, dueMs).finally(() => this.#underWay.delete(put));
      this.#underWay.add(put);
      this.#begun += 1;
    }
  }

  async #put(number: number, dueMs: number): Promise<void> {
    const client = this.#clients.clients[number % CLIENTS];
    try {
      await client?.put(`steady-${number % KEYS}`, VALUE, { deadlineMs: DEADLINE_MS });
      this.#done.push({ dueMs, latencyMs: performance.now() - dueMs });
    } catch (error) {
      if (!(error instanceof KvCallError)) throw error;
      this.#errors.push(error.message);
    }
  }
}
