import { stateMachineCases } from "@eraft/conformance";
import type { StateMachine } from "@eraft/core";
import { bytes, defineStateMachine, encodeEnvelope, json, withSessions } from "@eraft/runtime";
import { describe, expect, test } from "vitest";

type Command = { readonly add: number };

const commands = json<Command>((value) => {
  if (typeof value === "object" && value !== null && "add" in value && typeof value.add === "number") {
    return { add: value.add };
  }
  throw new TypeError("no command");
});

type Sum = StateMachine<"sum" | "large", number | string>;

function sum(isAsync = false): Sum {
  let total = 0;
  return defineStateMachine({
    commands,
    apply: ({ add }, index): number | Promise<number> => {
      total += add + 0 * index;
      return isAsync ? Promise.resolve(total) : total;
    },
    malformed: (index): number | string => `no command at ${index}`,
    query: (): number | string => total,
    save: () => total,
    load: (saved) => (total = saved),
  });
}

const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

for (const isAsync of [false, true]) {
  describe(`a machine over typed commands${isAsync ? " that takes its time" : ""} keeps the promises of the port`, () => {
    const harness = {
      create: () => sum(isAsync),
      commands: [1, 2, 3, 4, 5, 6, 7]
        .map((add) => commands.encode({ add }))
        .concat(text({ sub: 1 }), Uint8Array.of(0xff)),
      queries: ["sum" as const],
      // What is malformed says where it was.
      supports: { equalSnapshots: true, keepsStateOnRejection: true, ignoresIndexes: false },
    };
    for (const { name, run } of stateMachineCases(harness)) test(name, () => run());
  });
}

test("commands arrive as values, and bytes that are none give what malformed says", async () => {
  const log = [
    commands.encode({ add: 2 }),
    text({ add: "2" }),
    Uint8Array.of(0xff),
    commands.encode({ add: 5 }),
  ];
  const entries = log.map((command, at) => ({ index: at + 1, command }));
  const expected = [2, "no command at 2", "no command at 3", 7];
  expect(await sum().apply(entries)).toEqual(expected);
  // Where apply gives promises, the results are what they come to.
  expect(await sum(true).apply(entries)).toEqual(expected);
});

test("what apply throws is not taken for a malformed command", async () => {
  const machine = defineStateMachine({
    commands,
    apply: () => {
      throw new Error("a bug");
    },
    malformed: () => "malformed",
    query: () => "",
    save: () => 0,
    load: () => {},
  });
  await expect(machine.apply([{ index: 1, command: commands.encode({ add: 1 }) }])).rejects.toThrow("a bug");
});

test("a state in one piece is fixed when the snapshot begins, and cut into chunks", async () => {
  let state = Array.from({ length: 40_000 }, (_, at) => at);
  const machine = defineStateMachine({
    commands,
    apply: () => state.push(0),
    malformed: () => 0,
    query: () => state.length,
    save: () => state,
    load: (saved) => (state = saved),
  });
  const snapshot = machine.snapshot();
  await machine.apply([{ index: 1, command: commands.encode({ add: 1 }) }]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of snapshot) chunks.push(chunk);
  expect(Math.max(...chunks.map(({ length }) => length))).toBe(65_536);
  expect(chunks.length).toBeGreaterThan(2);
  await machine.restore(
    (async function* () {
      yield* chunks;
    })(),
    0,
  );
  expect(state).toHaveLength(40_000);
});

test("a state that streams has the port's snapshot and restore, and its open", async () => {
  const chunk = Uint8Array.of(1, 2, 3);
  const restored: number[] = [];
  const machine = defineStateMachine({
    commands,
    apply: () => 0,
    malformed: () => 0,
    query: () => 0,
    open: async () => 7,
    snapshot: async function* () {
      yield chunk;
    },
    restore: async (_, index) => void restored.push(index),
  });
  expect(await machine.open()).toBe(7);
  await machine.restore(machine.snapshot(), 9);
  expect(restored).toEqual([9]);
});

test("with sessions around it, a repeated command is done once, and one that is none has its result", async () => {
  const machine = withSessions(sum());
  const serial = { sessionId: 1, sequence: 1, firstUnanswered: 1 };
  const write = encodeEnvelope({ type: "write", serial, command: commands.encode({ add: 4 }) });
  const none = { type: "write", serial: { ...serial, sequence: 2 }, command: text({}) } as const;
  const log = [encodeEnvelope({ type: "open" }), write, write, encodeEnvelope(none)];
  const results = await machine.apply(log.map((command, at) => ({ index: at + 1, command })));
  expect(results.slice(1)).toEqual([
    { type: "done", result: 4 },
    { type: "done", result: 4 },
    { type: "done", result: "no command at 4" },
  ]);
});

describe("json", () => {
  const any = json();
  test.each([[{ a: [1, "b", null, true] }], [null], ["text"], [0], [undefined]])("%o and back", (value) => {
    expect(any.decode(any.encode(value))).toEqual(value);
  });
  test.each([[() => {}], [Symbol("s")], [1n]])("what JSON cannot say is refused", (value) => {
    expect(() => any.encode(value)).toThrow(TypeError);
  });
  test.each([
    [Uint8Array.of(0xff), TypeError],
    [text({}).subarray(1), SyntaxError],
    [new TextEncoder().encode("{"), SyntaxError],
  ])("bytes that are none are refused", (encoded, kind) => {
    expect(() => any.decode(encoded)).toThrow(kind);
  });
  test("the check decides, also about nothing", () => {
    expect(() => commands.decode(new Uint8Array())).toThrow("no command");
  });
});

test("bytes are bytes", () => {
  expect(bytes.decode(bytes.encode(Uint8Array.of(1)))).toEqual(Uint8Array.of(1));
  expect(() => bytes.encode("text" as never)).toThrow("a Uint8Array was expected");
});
