import { KvCallError } from "@eraft/kv";
import { type Clients, openClients } from "../../chaos/workload/clients.ts";

const CONNECTIONS = 4;
/** So many keys, each with a value of that size: the state grows to 4 MiB and no further. */
const KEYS = 4096;
const VALUE = "0123456789abcdef".repeat(64);
/** Nothing but a cluster that does not serve takes so long. */
const DEADLINE_MS = 30_000;

/** Clients that put values of 1 KiB without pause. */
export class FullLoad {
  acknowledged = 0;
  readonly #value: string;
  readonly #clients: Clients;
  readonly #running: Promise<unknown>;
  readonly #errors: string[] = [];
  #begun = 0;
  #isOver = false;

  constructor(addresses: readonly string[], clients: number, value: string = VALUE) {
    this.#value = value;
    this.#clients = openClients(addresses, CONNECTIONS);
    this.#running = Promise.all(Array.from({ length: clients }, (_, at) => this.#work(at)));
  }

  /** Why puts failed. Nothing, if all is well. */
  get problems(): readonly string[] {
    return this.#errors;
  }

  /** Resolves once every put has ended. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#clients.close();
  }

  /** Ends everything at once. */
  abort(): void {
    this.#isOver = true;
    this.#clients.close();
  }

  async #work(at: number): Promise<void> {
    const client = this.#clients.clients[at % CONNECTIONS];
    while (!this.#isOver) {
      this.#begun += 1;
      try {
        await client?.put(`full-${this.#begun % KEYS}`, this.#value, { deadlineMs: DEADLINE_MS });
        this.acknowledged += 1;
      } catch (error) {
        if (!(error instanceof KvCallError)) throw error;
        this.#errors.push(error.message);
      }
    }
  }
}
