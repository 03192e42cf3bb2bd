import { HistoryRecorder, type KvInput, type KvOutput } from "@eraft/linearizability";
import { type Judgement, type KvHistory, judge } from "../../chaos/judge.ts";
import { Random } from "../../chaos/random.ts";
import { type Clients, openClients } from "../../chaos/workload/clients.ts";
import { readKeys } from "../../chaos/workload/final-reads.ts";
import { Tally } from "../../chaos/workload/tally.ts";
import { Workload } from "../../chaos/workload/workload.ts";
import { eventually } from "../../support/eventually.ts";
import { Answers } from "./answers.ts";

export interface LoadOptions {
  /** Where clients look for nodes; all that there will ever be. */
  readonly addresses: readonly string[];
  /** Sequential clients, each with a session and connections of its own. */
  readonly clients: number;
  /** How long each of them rests between two calls at most, in milliseconds. */
  readonly maxThinkMs: number;
}

/** What became of everything that clients asked for. */
export interface LoadReport {
  readonly clients: number;
  readonly acknowledged: number;
  /** Calls without an answer before their deadline, which is long: no change of leader or members explains them. */
  readonly unanswered: number;
  /** Attempts that clients made again, as documented. */
  readonly retried: number;
  /** Every attempt by what came of it. */
  readonly answers: ReadonlyMap<string, number>;
  readonly keys: number;
  readonly verdict: Judgement["verdict"];
  /** Nothing, if all is well. */
  readonly problems: readonly string[];
}

/** Nothing but a cluster that does not serve takes so long. */
const DEADLINE_MS = 30_000;
const OPS_PER_KEY = 200;

/**
 * Clients that put, append and get without pause, while every operation is recorded with its times in milliseconds of `performance.now`. None may
 * fail, and together they must have seen one store.
 */
export class RecordedLoad {
  readonly #recorder = new HistoryRecorder<KvInput, KvOutput>(() => performance.now());
  readonly #tally = new Tally();
  readonly #answers = new Answers();
  readonly #over = new AbortController();
  readonly #clients: Clients;
  readonly #count: number;
  readonly #workload: Workload;
  readonly #running: Promise<void>;

  private constructor({ addresses, clients, maxThinkMs }: LoadOptions) {
    // So that many work on the same keys; more of them would make the search for a legal order hard.
    const clientsPerGroup = [4, 3, 2].find((size) => clients % size === 0) ?? 1;
    this.#count = clients;
    this.#clients = openClients(addresses, clients, (transport) => this.#answers.watch(transport));
    this.#workload = new Workload({
      clients: this.#clients.clients,
      groups: clients / clientsPerGroup,
      clientsPerGroup,
      opsPerKey: OPS_PER_KEY,
      deadlinesMs: [DEADLINE_MS],
      maxThinkMs,
      recorder: this.#recorder,
      tally: this.#tally,
      random: new Random(1),
      signal: this.#over.signal,
    });
    this.#running = this.#workload.run();
    // Told to whoever waits for the load.
    this.#running.catch(() => {});
  }

  /** Resolves once the cluster serves. */
  static async start(options: LoadOptions): Promise<RecordedLoad> {
    const load = new RecordedLoad(options);
    try {
      await load.serves();
      return load;
    } catch (error) {
      load.#end();
      throw error;
    }
  }

  get acknowledged(): number {
    return this.#tally.acknowledged;
  }

  /** All operations so far, in milliseconds of `performance.now`. */
  get history(): KvHistory {
    return this.#recorder.operations();
  }

  /** Resolves after more operations were acknowledged than could be on their way. Rejects if a client cannot go on. */
  async serves(): Promise<void> {
    const target = this.#tally.acknowledged + 4 * this.#count;
    const served = eventually(() => {
      if (this.#tally.acknowledged < target) throw new Error("nobody serves");
    });
    await Promise.race([served, this.#running.then(() => served)]);
  }

  /**
   * Goes on while `scenario` lasts, which calls `serves` now and then, then waits for every call, reads every key once more and judges it all.
   * Rejects if the scenario does, or a client for a reason that is none of the network's.
   */
  async during(scenario: () => Promise<void>): Promise<LoadReport> {
    try {
      await scenario();
      this.#over.abort();
      await this.#running;
      await readKeys(this.#reader, this.#workload.keys, { recorder: this.#recorder, tally: this.#tally });
      return this.#report(judge(this.history));
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#over.abort();
    this.#clients.close();
  }

  get #reader(): Clients["clients"][number] {
    const [reader] = this.#clients.clients;
    if (reader === undefined) throw new Error("there are no clients");
    return reader;
  }

  #report({ verdict, problems }: Judgement): LoadReport {
    const { acknowledged, unknown, failed } = this.#tally;
    const unanswered = unknown + failed;
    const { counts, retried, undocumented } = this.#answers;
    return {
      clients: this.#count,
      acknowledged,
      unanswered,
      retried,
      answers: counts,
      keys: this.#workload.keys.length,
      verdict,
      problems: [
        ...problems,
        ...(unanswered === 0 ? [] : [`${unanswered} operations had no answer within ${DEADLINE_MS} ms`]),
        ...undocumented.map((answer) => `servers answered ${answer}, which no document knows`),
      ],
    };
  }
}
