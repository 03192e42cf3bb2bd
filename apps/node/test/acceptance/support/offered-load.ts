import { KvCallError } from "@eraft/kv";
import { type Clients, openClients } from "../../chaos/workload/clients.ts";
import { Answers } from "./answers.ts";

export interface OfferedLoadOptions {
  readonly addresses: readonly string[];
  /** Each with connections of its own. */
  readonly clients: number;
  /** After which a caller has no use for an answer any more, in milliseconds. */
  readonly deadlineMs: number;
  readonly valueBytes: number;
}

/** A put: when it was due, and when its caller had an answer or gave up, in milliseconds of `performance.now`. */
export interface OfferedPut {
  readonly dueMs: number;
  readonly endMs: number;
  readonly isAcknowledged: boolean;
}

const KEYS = 256;

/**
 * Puts that become due at a rate that can be set, whether or not the ones before were answered: people who come to a shop do not ask how long the queue
 * is. Each is given up at its deadline, as people do. Times count from when a put was due.
 */
export class OfferedLoad {
  readonly #clients: Clients;
  readonly #deadlineMs: number;
  readonly #value: string;
  readonly #answers = new Answers();
  readonly #underWay = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #puts: OfferedPut[] = [];
  #perSecond = 0;
  #sinceMs = performance.now();
  /** Since then. */
  #begun = 0;
  #number = 0;

  constructor({ addresses, clients, deadlineMs, valueBytes }: OfferedLoadOptions) {
    this.#deadlineMs = deadlineMs;
    this.#value = "x".repeat(valueBytes);
    this.#clients = openClients(addresses, clients, (transport) => this.#answers.watch(transport));
    this.#timer = setInterval(() => this.#beginDue(), 1);
  }

  /** From now on so many are due in a second. */
  offer(perSecond: number): void {
    this.#perSecond = perSecond;
    this.#sinceMs = performance.now();
    this.#begun = 0;
  }

  /** Those that have ended since this was last asked for. */
  take(): readonly OfferedPut[] {
    return this.#puts.splice(0);
  }

  /** Every attempt so far, by what came of it. */
  get answers(): ReadonlyMap<string, number> {
    return this.#answers.counts;
  }

  /** Resolves once everything under way has ended; no more is begun meanwhile, nor after that until `offer`. */
  async drain(): Promise<void> {
    this.offer(0);
    await Promise.all(this.#underWay);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#clients.close();
  }

  #beginDue(): void {
    const due = ((performance.now() - this.#sinceMs) / 1000) * this.#perSecond;
    for (; this.#begun < due; this.#begun += 1) {
      const dueMs = this.#sinceMs + (this.#begun * 1000) / this.#perSecond;
      const put = this.#put(dueMs).finally(() => this.#underWay.delete(put));
      this.#underWay.add(put);
    }
  }

  async #put(dueMs: number): Promise<void> {
    const { clients } = this.#clients;
    const number = (this.#number += 1);
    // What was held up here has so much less time left.
    const leftMs = dueMs + this.#deadlineMs - performance.now();
    const isAcknowledged =
      leftMs > 0 && (await this.#isAcknowledged(clients[number % clients.length], number, leftMs));
    this.#puts.push({ dueMs, endMs: performance.now(), isAcknowledged });
  }

  async #isAcknowledged(
    client: Clients["clients"][number] | undefined,
    number: number,
    deadlineMs: number,
  ): Promise<boolean> {
    try {
      await client?.put(`offered-${number % KEYS}`, this.#value, { deadlineMs });
      return true;
    } catch (error) {
      if (error instanceof KvCallError) return false;
      throw error;
    }
  }
}
