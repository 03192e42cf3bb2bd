// Random walks: servers that lose requests and answers, hang, do not lead, forget sessions or break streams, and calls of one client through all of that.
import { Code, ConnectError } from "@connectrpc/connect";
import { KvCallError, type KvClient, type KvOperations } from "@eraft/kv";
import { Reason, type StreamResponse } from "@eraft/proto/eraft/kv/v1";
import { expect, test } from "vitest";
import { seeded } from "./support/commands.ts";
import {
  type Fault,
  FaultyCluster,
  type StreamFault,
  type WatchFault,
  hanging,
  losingReply,
  notLeading,
  refusing,
  serving,
} from "./support/faulty-cluster.ts";
import { finish } from "./support/manual-clock.ts";

const ADDRESSES = ["a", "b", "c"];

interface Walk {
  readonly cluster: FaultyCluster;
  readonly kv: KvClient;
  readonly chance: (probability: number) => boolean;
  readonly below: (count: number) => number;
  isFaulty: boolean;
}

function walk(seed: number): Walk {
  const random = seeded(seed);
  const chance = (probability: number): boolean => random() < probability;
  const below = (count: number): number => Math.floor(random() * count);
  const cluster = new FaultyCluster({ a: anyFault, b: anyFault, c: anyFault });
  const kv = cluster.client({ deadlineMs: 4000, attemptTimeoutMs: 100, watchIdleMs: 500, random });
  const state: Walk = { cluster, kv, chance, below, isFaulty: true };
  for (const address of ADDRESSES) {
    cluster.streamFaults.set(
      address,
      endless(() => streamFault(state)),
    );
    cluster.watchFaults.set(
      address,
      endless(() => watchFault(state)),
    );
  }
  return state;

  function anyFault(...args: Parameters<Fault>): Promise<unknown> {
    const faults: readonly Fault[] = [
      losingReply,
      hanging,
      notLeading(ADDRESSES[below(3)]),
      refusing(Reason.BUSY),
      refusing(Reason.NOT_SERVING, { outcomeUnknown: true }),
      late,
    ];
    const fault = state.isFaulty && chance(0.4) ? (faults[below(faults.length)] ?? serving) : serving;
    return fault(...args);
  }

  /** Arrives, or its answer does, when the client has asked somebody else. */
  async function late(...[serve]: Parameters<Fault>): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<void>();
    cluster.clock.after(below(400), resolve);
    await promise;
    return serve();
  }
}

/** A list of faults that never ends: what comes next is drawn when it is needed. */
function endless<T>(next: () => T | undefined): T[] {
  return { shift: next } as unknown as T[];
}

function streamFault(walk: Walk): StreamFault | undefined {
  if (!walk.isFaulty || walk.chance(0.1)) return undefined;
  let left = walk.below(60);
  const silent = walk.chance(0.2);
  return async function* (serve) {
    for await (const { replies } of serve()) {
      const kept = replies.slice(0, left);
      if (kept.length > 0) yield { replies: kept } as StreamResponse;
      left -= kept.length;
      if (left > 0) continue;
      if (!silent) throw new ConnectError("connection reset", Code.Unavailable);
      await new Promise(() => {});
    }
  };
}

function watchFault(walk: Walk): WatchFault | undefined {
  if (!walk.isFaulty || walk.chance(0.1)) return undefined;
  let left = walk.below(12);
  const silent = walk.chance(0.2);
  return async function* (serve) {
    for await (const response of serve()) {
      yield response;
      left -= 1;
      if (left > 0) continue;
      if (!silent) throw new ConnectError("connection reset", Code.Unavailable);
      await new Promise(() => {});
    }
  };
}

/** What one writer's key must be: every token that was acknowledged once, in order, and of one in doubt at most one. */
async function append(kv: KvOperations, key: string, count: number): Promise<RegExp> {
  let expected = "";
  for (let at = 0; at < count; at += 1) {
    const outcome = await kv.append(key, `${at};`).then(
      () => "done",
      (error: unknown) => {
        if (!(error instanceof KvCallError)) throw error;
        return error.outcome;
      },
    );
    if (outcome === "done") expected += `${at};`;
    if (outcome === "unknown") expected += `(${at};)?`;
  }
  return new RegExp(`^${expected}$`);
}

async function run(seed: number): Promise<void> {
  const state = walk(seed);
  const { cluster, kv } = state;
  const stream = kv.stream({ maxInFlight: 8 });
  const watches = [kv.watch({ prefix: "log/" }, { fromRevision: 1 }), kv.watch({}, { fromRevision: 1 })];
  const told = watches.map((watch) => collect(watch));
  const writers = Array.from({ length: 8 }, (_, at) => append(at % 2 === 0 ? kv : stream, `log/${at}`, 25));
  const expected = await finish(cluster.clock, Promise.all(writers));
  state.isFaulty = false;
  const { revision } = await finish(cluster.clock, kv.put("log/end", "", { deadlineMs: 60_000 }));
  // What was given up must not be done now, either.
  await cluster.clock.advance(2000);
  for (let at = 0; at < expected.length; at += 1) {
    const item = await finish(cluster.clock, kv.get(`log/${at}`, { deadlineMs: 60_000 }));
    expect(item?.text ?? "", `seed ${seed}`).toMatch(expected[at] ?? /never/);
  }
  const truth = cluster.store.log
    .filter((entry) => entry.revision <= BigInt(revision))
    .map((entry) => Number(entry.revision));
  for (const changes of await finish(cluster.clock, Promise.all(told))) {
    expect(changes, `seed ${seed}`).toEqual(truth);
  }
  stream.close();
  kv.close();
}

/** The revisions that a watch tells, up to the end. */
async function collect(watch: ReturnType<KvClient["watch"]>): Promise<number[]> {
  const revisions: number[] = [];
  for await (const { revision, keyText } of watch) {
    revisions.push(revision);
    if (keyText === "log/end") break;
  }
  return revisions;
}

test.each(Array.from({ length: 12 }, (_, at) => at + 1))(
  "walk %i: what is acknowledged is done once, what is in doubt at most once, and watches tell all of it",
  run,
);
