import { stateMachineCases } from "@eraft/conformance";
import type { StateMachine } from "@eraft/core";
import { bytes, encodeEnvelope, type SessionResult, SESSION_WINDOW, withSessions } from "@eraft/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { Counter } from "../support/counter.ts";

const open = (): Uint8Array => encodeEnvelope({ type: "open" });
const close = (sessionId: number): Uint8Array => encodeEnvelope({ type: "close", sessionId });
const plain = (add: number): Uint8Array => encodeEnvelope({ type: "plain", command: Uint8Array.of(add) });
const write = (sessionId: number, sequence: number, add: number, firstUnanswered = 1): Uint8Array =>
  encodeEnvelope({
    type: "write",
    serial: { sessionId, sequence, firstUnanswered },
    command: Uint8Array.of(add),
  });
const limits = { maxSessions: 3, maxResults: SESSION_WINDOW + 1 };

type Machine = StateMachine<"sum", SessionResult<number | null>, number>;

let counter: Counter;
let machine: Machine;
let index: number;

beforeEach(() => {
  counter = new Counter();
  machine = withSessions(counter, limits);
  index = 0;
});

const apply = (...commands: Uint8Array[]): Promise<readonly SessionResult<number | null>[]> =>
  machine.apply(commands.map((command) => ({ index: (index += 1), command })));

const done = (result: number | null): object => ({ type: "done", result });

describe("is a state machine", () => {
  const harness = {
    create: () => withSessions(new Counter(), limits),
    commands: [
      open(),
      write(1, 1, 5),
      write(1, 1, 5),
      open(),
      write(4, 2, 7),
      Uint8Array.of(99),
      write(4, 1, 1, 1),
      open(),
      write(1, 3, 3, 3),
      open(),
      write(1, 2, 9),
      close(4),
      write(4, 3, 1),
      plain(2),
    ],
    queries: ["sum" as const],
    // A session is named after the entry that opened it.
    supports: { equalSnapshots: true, ignoresIndexes: false },
  };
  for (const { name, run } of stateMachineCases(harness)) test(name, () => run());
});

describe("a write", () => {
  test("that comes again, in the same batch or later, is done once and answered alike", async () => {
    const results = await apply(open(), write(1, 1, 5), write(1, 1, 5), write(1, 2, 6));
    expect(results).toEqual([{ type: "opened", sessionId: 1 }, done(5), done(5), done(11)]);
    expect(await apply(write(1, 2, 6), write(1, 1, 5))).toEqual([done(11), done(5)]);
    expect(counter.applied).toBe(2);
  });

  test("of a session that is not known, that has expired or was closed is not done", async () => {
    await apply(open(), open(), open(), open(), close(4));
    const results = await apply(write(1, 1, 5), write(4, 1, 5), write(99, 1, 5), close(99));
    expect(results.map(({ type }) => type)).toEqual(["expired", "expired", "expired", "expired"]);
    expect(counter.applied).toBe(0);
  });

  test("whose answer was given up is not done, not even if that is in the same batch", async () => {
    await apply(open());
    const results = await apply(write(1, 1, 5), write(1, 2, 6, 2), write(1, 1, 5));
    expect(results).toEqual([done(5), done(11), { type: "outOfWindow" }]);
    expect(counter.applied).toBe(2);
  });

  test("outside of a session is done each time it comes", async () => {
    expect(await apply(plain(2), plain(2))).toEqual([done(2), done(4)]);
  });

  test("gives the same whatever its result was when it comes again: nothing, too", async () => {
    await apply(open(), write(1, 1, 0));
    expect(await apply(write(1, 1, 0))).toEqual([done(null)]);
    const nothing = withSessions({ ...stub(), apply: async () => [undefined] });
    const log = [open(), write(1, 1, 1), write(1, 1, 1)];
    const results = [];
    for (const [at, command] of log.entries()) {
      results.push(...(await nothing.apply([{ index: at + 1, command }])));
    }
    expect(results.slice(1)).toEqual([
      { type: "done", result: undefined },
      { type: "done", result: undefined },
    ]);
  });
});

test.each([
  ["nothing", []],
  ["an unknown kind", [4]],
  ["a plain command without one", [0]],
  ["something behind an open", [1, 1]],
  ["a write that is cut off", [2, 1, 2, 3]],
  ["a write without a command", [...write(1, 1, 9)].slice(0, -1)],
  ["a close that is cut off", [3, 1]],
  ["something behind a close", [...close(1), 0]],
])("bytes that are no command are told so, and do nothing: %s", async (_, raw) => {
  const results = await apply(open(), Uint8Array.from(raw), write(1, 1, 5));
  expect(results).toEqual([{ type: "opened", sessionId: 1 }, { type: "malformed" }, done(5)]);
});

test("numbers beyond 2^53 in an envelope are no session", async () => {
  const bytes = write(1, 1, 5);
  bytes.fill(0xff, 1, 9);
  expect(await apply(open(), bytes)).toMatchObject([{}, { type: "expired" }]);
});

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

async function* from(...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("snapshots", () => {
  test("hold the sessions and the state, as of one moment", async () => {
    await apply(open(), write(1, 1, 5));
    const snapshot = machine.snapshot();
    await apply(write(1, 2, 6));
    const other = new Counter();
    const restored = withSessions(other, limits);
    await restored.restore(from(...(await collect(snapshot))), 2);
    expect(other.sum).toBe(5);
    const commands = [write(1, 1, 5), write(1, 2, 6)];
    const results = await restored.apply(commands.map((command, at) => ({ index: 3 + at, command })));
    expect(results).toEqual([done(5), done(11)]);
  });

  test("begin with bytes that stay as they are", async () => {
    await apply(open());
    const [first] = await collect(machine.snapshot());
    const text = Buffer.from(first ?? []).toString("hex");
    const session = "0100000000000000".repeat(3) + "00000000";
    expect(text).toBe(
      `${Buffer.from("ERAFT-SN").toString("hex")}010000000300000001040000010000001c000000${session}`,
    );
  });

  test("many sessions come in chunks of a size that does not grow with them", async () => {
    machine = withSessions(counter, { maxSessions: 50_000 });
    for (let count = 0; count < 20; count++) await apply(...Array.from({ length: 1000 }, open));
    const chunks = await collect(machine.snapshot());
    expect(chunks.length).toBeGreaterThan(5);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(70_000);
    const copy = withSessions(new Counter(), { maxSessions: 50_000 });
    await copy.restore(from(...chunks), 20_000);
    expect(await collect(copy.snapshot())).toEqual(chunks);
  });

  test("one that is given up before it has begun, or in the middle, lets go of that of the state machine inside", async () => {
    const unbegun = machine.snapshot()[Symbol.asyncIterator]();
    await unbegun.return?.();
    expect(counter.returned).toBe(1);
    for await (const _ of machine.snapshot()) break;
    expect(counter.returned).toBe(2);
  });

  test.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
    ["of something else", (bytes) => bytes.with(0, 0), "not a snapshot of a state machine with sessions"],
    ["of another version", (bytes) => bytes.with(8, 2), "format version 2"],
    ["with another maxSessions", (bytes) => bytes.with(12, 4), "must be the same on all servers"],
    ["with another maxResults", (bytes) => bytes.with(17, 9), "must be the same on all servers"],
    ["that ends in its head", (bytes) => bytes.subarray(0, 20), "in the middle of its sessions"],
    ["that ends in a session", (bytes) => bytes.subarray(0, 40), "in the middle of its sessions"],
    ["with more sessions than there are", (bytes) => bytes.with(20, 2), "in the middle of its sessions"],
  ])("one %s is refused, and the state is as before", async (_, damage, message) => {
    await apply(open(), write(1, 1, 5));
    const [first = new Uint8Array(), ...rest] = await collect(machine.snapshot());
    await expect(machine.restore(from(damage(first)), 2)).rejects.toThrow(message);
    expect(await apply(write(1, 1, 5))).toEqual([done(5)]);
    expect(rest.length).toBeGreaterThan(0);
  });
});

function stub(): StateMachine<never, undefined> {
  return {
    open: async () => 0,
    apply: async () => [],
    query: () => Promise.reject(new Error("no queries")),
    snapshot: async function* () {},
    restore: async () => {},
  };
}

describe("what cannot work is said", () => {
  test("a state machine on a disk of its own", async () => {
    counter.opensAt = 7;
    await expect(machine.open()).rejects.toThrow("reflects entry 7 from its own disk");
  });

  test("a state machine that gives another number of results than it got commands", async () => {
    machine = withSessions(Object.assign(counter, { apply: async () => [] }), limits);
    await expect(apply(open(), write(1, 1, 1))).rejects.toThrow("gave 0 results for 1 commands");
  });

  test("a result that the codec cannot write", async () => {
    machine = withSessions(counter, { results: bytes as never });
    await expect(apply(open(), write(1, 1, 1))).rejects.toThrow("a Uint8Array was expected");
  });

  test("limits that are none", () => {
    expect(() => withSessions(counter, { maxSessions: 0 })).toThrow("maxSessions is 0");
  });
});
