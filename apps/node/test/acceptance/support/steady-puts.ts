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
/** Seconds' worth of puts that may be under way: more of them would only show what it is like when everything drowns. */
const MAX_BACKLOG_SECONDS = 2;

/**
 * Puts of small values at a fixed rate, whether or not the ones before were answered. Latency counts from when a put was due: a cluster that stops
 * for a second makes a thousand puts late, and not just one client. It gives up, and says so, when the cluster or this machine cannot keep up.
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

  /** Ends everything at once. */
  abort(): void {
    clearInterval(this.#timer);
    this.#clients.close();
  }

  #beginDue(): void {
    const now = performance.now();
    for (;;) {
      const dueMs = this.#startMs + (this.#begun * 1000) / this.#perSecond;
      if (dueMs > now) return;
      if (this.#underWay.size > MAX_BACKLOG_SECONDS * this.#perSecond) return this.#giveUp();
      const put = this.#put(this.#begun, dueMs).finally(() => this.#underWay.delete(put));
      this.#underWay.add(put);
      this.#begun += 1;
    }
  }

  #giveUp(): void {
    clearInterval(this.#timer);
    const { size } = this.#underWay;
    this.#errors.push(
      `${this.#perSecond} puts a second are too many here: ${size} were under way, and no more were begun`,
    );
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
