import {
  BusyError,
  NotLeaderError,
  OutcomeUnknownError,
  type RequestOptions,
  SessionClient,
  type SessionResult,
  type SessionServer,
  StoppedError,
  withSessions,
} from "@eraft/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { Counter } from "../support/counter.ts";
import { Dice } from "../support/dice.ts";
import { failureOf } from "../support/failure.ts";
import { ManualClock, settle, until } from "../support/manual-clock.ts";

type Result = number | null;
type Attempt = (send: () => Promise<SessionResult<Result>>) => Promise<SessionResult<Result>>;

/** A cluster as its clients see it: a log that is applied, and servers that answer, or not, as `attempt` says. */
class Servers {
  readonly counter = new Counter();
  readonly #machine = withSessions(this.counter, { maxSessions: 3 });
  #index = 0;
  calls = 0;
  attempt: Attempt = (send) => send();
  readonly list: SessionServer<Result>[];

  constructor(count = 1) {
    this.list = Array.from({ length: count }, (_, id) => ({
      id,
      propose: (command: Uint8Array, _options?: RequestOptions) => {
        this.calls += 1;
        return this.attempt(() => this.append(command));
      },
    }));
  }

  async append(command: Uint8Array): Promise<SessionResult<Result>> {
    const [result] = await this.#machine.apply([{ index: (this.#index += 1), command }]);
    if (result === undefined) throw new Error("one command has one result");
    return result;
  }

  /** Others open sessions until there is no room for those of before. */
  async expireAll(): Promise<void> {
    for (let count = 0; count < 3; count++) await this.append(Uint8Array.of(1));
  }
}

let clock: ManualClock;
let servers: Servers;
let client: SessionClient<Uint8Array, Result>;

function start(count = 1, options: object = {}): void {
  servers = new Servers(count);
  client = new SessionClient({ servers: servers.list, clock, ...options });
}

beforeEach(() => {
  clock = new ManualClock();
  start();
});

const add = (amount: number, options: RequestOptions = {}): Promise<Result> =>
  client.propose(Uint8Array.of(amount), options);

/** Outcomes of attempts, one after the other; then all goes well. */
function script(...steps: Attempt[]): void {
  servers.attempt = (send) => (steps.shift() ?? ((last) => last()))(send);
}
const lostAnswer: Attempt = async (send) => {
  await send();
  throw new OutcomeUnknownError("The answer was lost.");
};
const lostRequest: Attempt = () => Promise.reject(new OutcomeUnknownError("The request was lost."));
const well: Attempt = (send) => send();
const never: Attempt = () => new Promise(() => {});
const notLeader: Attempt = () => Promise.reject(new NotLeaderError(null, null));

async function finish<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const mark = (): void => void (isSettled = true);
  promise.then(mark, mark);
  await until(clock, () => isSettled, "a promise does not settle");
  return promise;
}

describe("a write", () => {
  test("is done, and its result comes back", async () => {
    expect(await add(5)).toBe(5);
    expect(await add(6)).toBe(11);
    expect(client.pending).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("whose answer is lost is sent again and done once", async () => {
    script(well, lostAnswer, lostRequest, lostAnswer);
    expect(await finish(add(5))).toBe(5);
    expect(servers.counter).toMatchObject({ sum: 5, applied: 1 });
    expect(servers.calls).toBe(5);
  });

  test("an error that does not say what it means is taken for an unknown outcome", async () => {
    script(well, async (send) => {
      await send();
      throw new Error("socket hang up");
    });
    expect(await finish(add(5))).toBe(5);
    expect(servers.counter.applied).toBe(1);
  });

  test("goes to the server that leads, as those that do not lead say, and stays there", async () => {
    start(3);
    const asked: number[] = [];
    client = new SessionClient({
      clock,
      servers: servers.list.map((server, id) => ({
        id,
        propose: async (command: Uint8Array) => {
          asked.push(id);
          if (id !== 2) throw new NotLeaderError(2, null);
          return server.propose(command);
        },
      })),
    });
    await add(1);
    await add(1);
    expect(asked).toEqual([0, 2, 2, 2]);
    expect(clock.now()).toBe(0);
  });

  test("tries all servers, then pauses, longer each time", async () => {
    start(2);
    script(...Array.from({ length: 8 }, () => notLeader));
    const write = add(1);
    const calls = [];
    for (const ms of [0, 9, 1, 19, 1, 39, 1]) {
      clock.advance(ms);
      await settle();
      calls.push(servers.calls);
    }
    expect(calls).toEqual([2, 2, 4, 4, 6, 6, 8]);
    expect(await finish(write)).toBe(1);
  });

  test("that no server will ever take is refused, and the next one goes on", async () => {
    script(well, () => Promise.reject(Object.assign(new Error("too large"), { retry: "never" })));
    await expect(add(1)).rejects.toThrow("too large");
    expect(await add(2)).toBe(2);
    await expect(client.propose(new Uint8Array())).rejects.toMatchObject({ code: "INVALID_COMMAND" });
  });

  test("its bytes are the caller's again at once", async () => {
    const buffer = Uint8Array.of(7);
    const write = client.propose(buffer);
    buffer[0] = 100;
    expect(await write).toBe(7);
  });
});

describe("a session that expires", () => {
  test("is followed by another one, where nothing can have been done", async () => {
    await add(5);
    await servers.expireAll();
    expect(await add(6)).toBe(11);
    expect(servers.counter.applied).toBe(2);
  });

  test("leaves a write unknown that may have been done, and it is not done again", async () => {
    await add(5);
    script(async (send) => {
      await send();
      await servers.expireAll();
      throw new OutcomeUnknownError("The answer was lost.");
    });
    await expect(finish(add(6))).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    expect(servers.counter).toMatchObject({ sum: 11, applied: 2 });
    expect(await add(1)).toBe(12);
  });

  test("while many writes are under way: each is done once", async () => {
    await add(1);
    await servers.expireAll();
    const results = await finish(Promise.all(Array.from({ length: 100 }, () => add(1))));
    expect(new Set(results).size).toBe(100);
    expect(servers.counter).toMatchObject({ sum: 101, applied: 101 });
  });
});

describe("what is under way is bounded", () => {
  test("no more than maxInflight at a time; the others follow in order", async () => {
    start(1, { maxInflight: 2 });
    await add(1);
    const sends: (() => void)[] = [];
    servers.attempt = (send) =>
      new Promise((resolve) => {
        sends.push(() => resolve(send()));
      });
    const writes = [1, 2, 3].map((amount) => add(amount));
    await settle();
    expect(sends).toHaveLength(2);
    sends.shift()?.();
    await settle();
    expect(sends).toHaveLength(2);
    for (const send of sends) send();
    expect(await finish(Promise.all(writes))).toEqual([2, 4, 7]);
  });

  test("one that gets no answer holds up those that are 1,024 above it, and no longer than it is wanted", async () => {
    start(1, { maxInflight: 2 });
    await add(1);
    script(never);
    const controller = new AbortController();
    const stuck = add(1, { signal: controller.signal });
    const others = Array.from({ length: 1100 }, () => add(1));
    await settle();
    for (let turn = 0; turn < 300; turn++) await settle();
    expect(servers.counter.applied).toBe(1 + 1024);
    controller.abort(new Error("enough"));
    await expect(stuck).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN", cause: new Error("enough") });
    await finish(Promise.all(others));
    expect(servers.counter.applied).toBe(1 + 1100);
  });

  test("more than maxPending are refused as busy", async () => {
    start(1, { maxPending: 2 });
    servers.attempt = never;
    const writes = [add(1), add(1)];
    await expect(add(1)).rejects.toThrow(BusyError);
    await client.close();
    await Promise.allSettled(writes);
  });
});

describe("a caller that gives up", () => {
  test("before anything was sent gets its reason", async () => {
    servers.attempt = never;
    const reason = new Error("enough");
    const write = add(1, { signal: AbortSignal.abort(reason) });
    await expect(write).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = add(1, { signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(client.pending).toBe(0);
  });

  test("after timeoutMs, and leaves no timer", async () => {
    await add(1);
    script(never);
    const write = add(1, { timeoutMs: 100 });
    const failure = failureOf(write);
    await settle();
    clock.advance(100);
    expect(await failure).toMatchObject({
      code: "OUTCOME_UNKNOWN",
      cause: { code: "TIMEOUT", timeoutMs: 100 },
    });
    await add(1, { timeoutMs: 100 });
    expect(clock.pendingTimers).toBe(0);
  });

  test("is not served later: the attempt that arrives after the next write does nothing", async () => {
    await add(1);
    const late: (() => Promise<unknown>)[] = [];
    script((send) => {
      late.push(send);
      return new Promise(() => {});
    });
    const controller = new AbortController();
    const write = add(100, { signal: controller.signal });
    await settle();
    controller.abort();
    await expect(write).rejects.toThrow(OutcomeUnknownError);
    await add(1);
    expect(await late[0]?.()).toEqual({ type: "outOfWindow" });
    expect(servers.counter.sum).toBe(2);
  });
});

describe("close", () => {
  test("ends the session, and what waits", async () => {
    await add(1);
    script(never);
    const write = add(1);
    await settle();
    const failure = failureOf(write);
    await client.close();
    await client.close();
    expect(await failure).toMatchObject({ code: "OUTCOME_UNKNOWN" });
    await expect(add(1)).rejects.toThrow(StoppedError);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends a pause", async () => {
    servers.attempt = notLeader;
    const write = add(1);
    await settle();
    const failure = failureOf(write);
    await client.close();
    expect(await failure).toBeInstanceOf(StoppedError);
    expect(clock.pendingTimers).toBe(0);
  });
});

test.each([
  ["servers", { servers: [] }],
  ["maxInflight", { maxInflight: 0 }],
  ["maxInflight", { maxInflight: 1025 }],
  ["maxPending", { maxPending: 0.5 }],
])("an option that cannot work is named: %s", (name, options) => {
  expect(() => start(1, options)).toThrow(`${name}: `);
});

// 6.3: requests that come twice, late, or never, and answers that get lost.
test("random faults: every acknowledged increment counts exactly once, every other one at most once", async () => {
  let unknown = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const dice = new Dice(seed);
    start(3, { maxInflight: 1 + dice.roll(20) });
    const late: (() => Promise<unknown>)[] = [];
    servers.attempt = async (send) => {
      await Promise.resolve();
      if (dice.roll(40) === 0) await servers.expireAll();
      if (dice.roll(5) === 0) await late.splice(dice.roll(late.length), 1)[0]?.();
      const fate = dice.roll(10);
      if (fate === 0) throw new NotLeaderError(dice.roll(4), null);
      if (fate === 1) throw new BusyError();
      if (fate === 2) {
        late.push(send);
        throw new OutcomeUnknownError("It may still arrive.");
      }
      if (fate === 3) late.push(send); // A request that comes twice.
      const result = await send();
      if (fate === 4) throw new Error("socket hang up");
      return result;
    };
    const writes = Array.from({ length: 60 }, () => add(1));
    const outcomes = await finish(Promise.allSettled(writes));
    for (const send of late) await send();
    const acknowledged = outcomes.filter(({ status }) => status === "fulfilled").length;
    const { sum, applied } = servers.counter;
    expect(sum, `seed ${seed}`).toBe(applied);
    expect(sum, `seed ${seed}`).toBeGreaterThanOrEqual(acknowledged);
    expect(sum, `seed ${seed}`).toBeLessThanOrEqual(writes.length);
    // What the answers said is what the counter went through: no two the same.
    const seen = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(new Set(seen).size, `seed ${seed}`).toBe(acknowledged);
    unknown += writes.length - acknowledged;
    const codes = outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.code : "done"));
    expect(new Set([...codes, "done", "SESSION_EXPIRED"]).size, `seed ${seed}`).toBe(2);
  }
  expect(unknown).toBeGreaterThan(0);
});
