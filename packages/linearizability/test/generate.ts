import type { KvInput, KvOutput, LoggedOperation } from "../src/index.ts";
import { at } from "./at.ts";
import { Random } from "./random.ts";

export interface Workload {
  readonly seed: number;
  readonly operations: number;
  readonly clients: number;
  readonly keys: number;
  /** Of every 100 operations; the rest are puts. */
  readonly gets: number;
  readonly appends: number;
  /** Of every 1000 writes, how many never get an answer. Half of them take effect. */
  readonly lost: number;
  /** Of every 100 finished operations, how many are followed by a pause of everybody, in which nothing is open. */
  readonly pauses?: number;
}

export interface Generated {
  readonly history: LoggedOperation<KvInput, KvOutput>[];
  readonly log: { index: number; id: number; input: KvInput }[];
}

interface Pending {
  readonly position: number;
  readonly call: number;
  readonly input: KvInput;
  done: { readonly output: KvOutput; readonly logIndex: number } | null;
}

/**
 * What clients of a correct store see: each operation is called, takes effect on one map at some later moment, and returns at some
 * moment after that, the moments of all clients interleaved at random. Gets are answered from the map without a log entry.
 */
export function generate(workload: Workload): Generated {
  const random = new Random(workload.seed);
  const store = new Map<string, string>();
  const history: LoggedOperation<KvInput, KvOutput>[] = [];
  const log: Generated["log"] = [];
  const pending: (Pending | null)[] = Array.from({ length: workload.clients }, () => null);
  const clientIds = pending.map((_, lane) => lane);
  let nextClient = workload.clients;
  let now = 0;
  let draining = false;

  const begin = (lane: number): void => {
    const position = history.length;
    const input = nextInput(random, workload, position);
    const call = ++now;
    pending[lane] = { position, call, input, done: null };
    history.push({ id: position, client: at(clientIds, lane), call, input, outcome: "unknown" });
  };
  const giveUp = (lane: number): void => {
    pending[lane] = null;
    clientIds[lane] = nextClient++;
  };
  const advance = (lane: number, operation: Pending): void => {
    const { position, call, input, done } = operation;
    const lost = input.type !== "get" && random.below(1000) < workload.lost / 2;
    if (lost) giveUp(lane);
    else if (done === null) operation.done = take(store, log, position, input);
    else {
      history[position] = {
        id: position,
        client: at(clientIds, lane),
        call,
        input,
        outcome: "ok",
        return: ++now,
        ...done,
      };
      pending[lane] = null;
      if (random.below(100) < (workload.pauses ?? 0)) draining = true;
    }
  };

  while (history.length < workload.operations || pending.some((operation) => operation !== null)) {
    const lane = random.below(workload.clients);
    const operation = at(pending, lane);
    if (operation !== null) advance(lane, operation);
    else if (history.length < workload.operations && !draining) begin(lane);
    else if (pending.every((other) => other === null)) draining = false;
  }
  return { history, log };
}

function nextInput(random: Random, workload: Workload, position: number): KvInput {
  const key = `k${random.below(workload.keys)}`;
  const kind = random.below(100);
  if (kind < workload.gets) return { type: "get", key };
  if (kind < workload.gets + workload.appends) return { type: "append", key, value: `${position};` };
  return { type: "put", key, value: `${position};` };
}

function take(
  store: Map<string, string>,
  log: Generated["log"],
  id: number,
  input: KvInput,
): { readonly output: KvOutput; readonly logIndex: number } {
  const value = store.get(input.key) ?? null;
  if (input.type === "get") return { output: value, logIndex: log.length };
  store.set(input.key, input.type === "put" ? input.value : (value ?? "") + input.value);
  log.push({ index: log.length + 1, id, input });
  return { output: null, logIndex: log.length };
}
