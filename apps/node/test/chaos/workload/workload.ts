import type { KvraftClient } from "@eraft/kv";
import type { KvInput } from "@eraft/linearizability";
import { setTimeout as after } from "node:timers/promises";
import type { Random } from "../random.ts";
import { APPEND_ONLY, KeyGroup } from "./key-group.ts";
import { type KvRecorder, RecordedClient } from "./recorded-client.ts";
import type { Tally } from "./tally.ts";

export interface WorkloadOptions {
  /** Dealt out to the sequential clients: those that have the same one meet the same broken connections. */
  readonly clients: readonly KvraftClient[];
  /** Groups of sequential clients. Each has keys of its own. */
  readonly groups: number;
  /** Clients in a group, and so at most as many at a key at a time. */
  readonly clientsPerGroup: number;
  readonly opsPerKey: number;
  /** How long a call may take, in milliseconds: for each call one of these. Default: long enough for an election, and sometimes not. */
  readonly deadlinesMs?: readonly number[];
  /** How long a client rests between two calls at most, in milliseconds. Default 5. */
  readonly maxThinkMs?: number;
  readonly recorder: KvRecorder;
  readonly tally: Tally;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Long enough for an election, or so short that many calls end without an answer. */
const DEADLINES_MS = [300, 3_000, 8_000, 8_000, 8_000];
const MAX_THINK_MS = 5;

/** Clients that put, append and get until the signal, as fast as they are answered. */
export class Workload {
  readonly #options: WorkloadOptions;
  readonly #groups: readonly KeyGroup[];
  #values = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#groups = Array.from(
      { length: options.groups },
      (_, at) => new KeyGroup(String(at), options.opsPerKey),
    );
  }

  /** All keys that were used so far. */
  get keys(): readonly string[] {
    return this.#groups.flatMap(({ keys }) => keys);
  }

  /** Resolves once all calls have ended. Rejects for what no fault can explain. */
  async run(): Promise<void> {
    const { clients, clientsPerGroup, random } = this.#options;
    const running = this.#groups.flatMap((group, at) =>
      Array.from({ length: clientsPerGroup }, (_, member) =>
        this.#work(clients[(at * clientsPerGroup + member) % clients.length], group, random.fork()),
      ),
    );
    await Promise.all(running);
  }

  async #work(kv: KvraftClient | undefined, group: KeyGroup, random: Random): Promise<void> {
    if (kv === undefined) throw new Error("a group without a client");
    const { recorder, tally, signal } = this.#options;
    const { deadlinesMs = DEADLINES_MS, maxThinkMs = MAX_THINK_MS } = this.#options;
    const client = new RecordedClient(kv, recorder, tally);
    while (!signal.aborted) {
      const input = this.#nextInput(group.next(random), random);
      const outcome = await client.call(input, random.pick(deadlinesMs));
      if (outcome === "unknown") group.hasUnknown(input.key);
      await after(random.integer(0, maxThinkMs));
    }
  }

  #nextInput(key: string, random: Random): KvInput {
    const kinds = key.startsWith(APPEND_ONLY) ? ["append", "get"] : ["put", "append", "append", "get", "get"];
    const type = random.pick(kinds);
    if (type === "get") return { type, key };
    this.#values += 1;
    // No value occurs twice, and none is part of another one.
    return { type: type === "put" ? "put" : "append", key, value: `<${this.#values.toString(36)}>` };
  }
}
