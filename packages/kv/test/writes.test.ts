import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CommandSchema } from "@eraft/proto/eraft/kv/v1/command";
import { expect, test } from "vitest";
import {
  type Condition,
  type Item,
  KvNotTextError,
  KvStateMachine,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  MAX_WRITE_PARTS,
  type Operation,
  type RefusalReason,
  type Write,
  decodeWrites,
  encodeOpenSession,
  encodeWrites,
} from "@eraft/kv";
import {
  Log,
  append as appendText,
  get as getText,
  put as putText,
  seeded,
  snapshotOf,
} from "./support/commands.ts";
import { append, apply, exists, get, put, remove, write } from "./support/writes.ts";

const refused = (reason: RefusalReason) => ({ status: "refused", reason });
const NOTHING = { item: null, deleted: false };
const DELETED = { item: null, deleted: true };

function done(revision: number, ...results: readonly object[]) {
  return { status: "done", revision, results };
}

function item(value: string, createRevision: number, modRevision: number): Item {
  return { value, createRevision, modRevision };
}

test("a write that changes something is a revision; items tell who made them and who wrote them last", async () => {
  const [log, machine] = [new Log(), new KvStateMachine()];
  expect(
    await apply(
      log,
      machine,
      [put("a", "1")],
      [put("b", "1")],
      [append("a", "2")],
      [get("a"), get("b"), get("c")],
    ),
  ).toStrictEqual([
    done(1, NOTHING),
    done(2, NOTHING),
    done(3, NOTHING),
    done(3, { item: item("12", 1, 3), deleted: false }, { item: item("1", 2, 2), deleted: false }, NOTHING),
  ]);
  expect(await apply(log, machine, [remove("a")], [remove("a")], [put("a", "3"), get("a")])).toStrictEqual([
    done(4, DELETED),
    done(4, NOTHING),
    done(5, NOTHING, { item: item("3", 5, 5), deleted: false }),
  ]);
  expect([machine.revision, machine.keyCount]).toStrictEqual([5, 2]);
});

test("operations see what those before them did, and a key that was written often is one change", async () => {
  const [log, machine] = [new Log(), new KvStateMachine()];
  const operations = [put("a", "1"), get("a"), append("a", "2"), remove("b"), put("b", "x"), get("a")];
  expect(await apply(log, machine, operations)).toStrictEqual([
    done(1, NOTHING, { item: item("1", 1, 1), deleted: false }, NOTHING, NOTHING, NOTHING, {
      item: item("12", 1, 1),
      deleted: false,
    }),
  ]);
  expect(machine.history.changesOf(1)).toStrictEqual([
    { key: "a", item: item("12", 1, 1) },
    { key: "b", item: item("x", 1, 1) },
  ]);
  // Deleted and made anew in between.
  await apply(
    log,
    machine,
    [remove("a"), put("a", "3")],
    [put("c", ""), remove("c")],
    [remove("b"), remove("b")],
  );
  expect(machine.history.changesOf(2)).toStrictEqual([{ key: "a", item: item("3", 2, 2) }]);
  // Nothing came of the second write, so it is no revision.
  expect(machine.history.changesOf(3)).toStrictEqual([{ key: "b", item: null }]);
  expect(machine.revision).toBe(3);
});

test("nothing is done unless all conditions hold, and the first that does not is told with what is there", async () => {
  const [log, machine] = [new Log(), new KvStateMachine()];
  await apply(log, machine, [put("a", "1")], [put("b", "2")], [put("big", "x".repeat(2000))]);
  const holding: readonly Condition[] = [
    exists("a"),
    exists("no", false),
    { type: "value", key: "a", value: "1" },
    { type: "value", key: "big", value: new Uint8Array(2000).fill(0x78) },
    { type: "modRevision", key: "b", modRevision: 2 },
  ];
  expect(await apply(log, machine, { conditions: holding, operations: [get("a")] })).toMatchObject([
    { status: "done" },
  ]);
  const failing: readonly (readonly [Condition, Item | null])[] = [
    [exists("a", false), item("1", 1, 1)],
    [exists("no"), null],
    [{ type: "value", key: "a", value: "2" }, item("1", 1, 1)],
    [{ type: "value", key: "a", value: "" }, item("1", 1, 1)],
    [{ type: "value", key: "no", value: "" }, null],
    [{ type: "value", key: "b", value: new Uint8Array(2000) }, item("2", 2, 2)],
    [{ type: "modRevision", key: "b", modRevision: 3 }, item("2", 2, 2)],
    [{ type: "modRevision", key: "no", modRevision: 3 }, null],
  ];
  const before = await snapshotOf(machine);
  for (const [condition, found] of failing) {
    const conditions = [...holding, condition, condition];
    expect(await apply(log, machine, { conditions, operations: [put("a", "!")] })).toStrictEqual([
      { status: "conditionFailed", revision: 3, condition: holding.length, item: found },
    ]);
  }
  expect(await snapshotOf(machine)).toStrictEqual(before);
});

test("an operation that cannot be done undoes those before it", async () => {
  const [log, machine] = [new Log(), new KvStateMachine({ maxKeys: 3 })];
  await apply(log, machine, [put("a", "x".repeat(MAX_VALUE_BYTES))], [put("b", "")]);
  const before = await snapshotOf(machine);
  const cases: readonly (readonly [readonly Operation[], RefusalReason])[] = [
    [
      [put("b", "1"), remove("a"), put("b", "x".repeat(1_000_000)), append("b", "y".repeat(60_000))],
      "valueTooLarge",
    ],
    [[put("b", "1"), append("a", "y")], "valueTooLarge"],
    [[put("c", ""), put("d", "")], "storeFull"],
    [[get("a"), get("a"), put("c", ""), get("a")], "answerTooLarge"],
  ];
  for (const [operations, reason] of cases) {
    expect(await apply(log, machine, operations)).toStrictEqual([refused(reason)]);
  }
  expect(await snapshotOf(machine)).toStrictEqual(before);
  // What makes room in the same write counts.
  const results = await apply(log, machine, [put("c", "")], [remove("b"), put("d", "")], [put("e", "")]);
  expect(results.map(({ status }) => status)).toStrictEqual(["done", "done", "refused"]);
});

const WRONG: readonly (readonly [string, Write, RefusalReason])[] = [
  ["nothing to do", { conditions: [exists("a")], operations: [] }, "noOperation"],
  ["an operation that is none", { conditions: [], operations: [{ type: "unknown", key: "" }] }, "unknownOp"],
  ["an empty key", { conditions: [], operations: [put("", "")] }, "emptyKey"],
  ["an empty key in a condition", { conditions: [exists("")], operations: [get("a")] }, "emptyKey"],
  ["a long key", { conditions: [], operations: [remove("k".repeat(MAX_KEY_BYTES + 1))] }, "keyTooLong"],
  [
    "a large value",
    { conditions: [], operations: [put("a", "v".repeat(MAX_VALUE_BYTES + 1))] },
    "valueTooLarge",
  ],
  [
    "a large value in a condition",
    {
      conditions: [{ type: "value", key: "a", value: "v".repeat(MAX_VALUE_BYTES + 1) }],
      operations: [get("a")],
    },
    "valueTooLarge",
  ],
  [
    "too many parts",
    { conditions: [exists("a")], operations: Array.from({ length: MAX_WRITE_PARTS }, () => get("a")) },
    "tooManyOperations",
  ],
  [
    "too many bytes",
    {
      conditions: [],
      operations: [
        put("a", "v".repeat(MAX_VALUE_BYTES)),
        put("b", "v".repeat(MAX_VALUE_BYTES)),
        put("c", "v".repeat(8192)),
      ],
    },
    "writeTooLarge",
  ],
  [
    "no expectation",
    { conditions: [{ type: "unknown", key: "a" }], operations: [get("a")] },
    "noExpectation",
  ],
  ...[0, -1, 2 ** 53].map(
    (modRevision) =>
      [
        `revision ${modRevision}`,
        { conditions: [{ type: "modRevision", key: "a", modRevision }], operations: [get("a")] },
        "badRevision",
      ] as const,
  ),
];

test.each(WRONG)("%s is refused, and nothing changes", async (_, wrong, reason) => {
  const [log, machine] = [new Log(), new KvStateMachine()];
  const before = await snapshotOf(machine);
  expect(await apply(log, machine, wrong)).toStrictEqual([refused(reason)]);
  expect(await snapshotOf(machine)).toStrictEqual(before);
});

test("several writes in one entry have a result and a revision each", async () => {
  const [log, machine] = [new Log(), new KvStateMachine()];
  const writes = [[put("a", "1")], [put("", "")], [put("a", "2"), get("a")]].map((operations) => ({
    write: { conditions: [], operations },
    serial: null,
  }));
  expect(await log.apply(machine, encodeWrites(writes))).toStrictEqual([
    {
      status: "written",
      results: [
        done(1, NOTHING),
        refused("emptyKey"),
        done(2, NOTHING, { item: item("2", 1, 2), deleted: false }),
      ],
    },
  ]);
});

test("both contracts write and read the same keys", async () => {
  const [log, machine] = [new Log(), new KvStateMachine()];
  await log.apply(machine, putText("ä", "€"), appendText("ä", "😀"));
  const key = Buffer.from("ä").toString("latin1");
  const value = Buffer.from("€😀").toString("latin1");
  expect(await apply(log, machine, [get(key)])).toStrictEqual([
    done(2, { item: item(value, 1, 2), deleted: false }),
  ]);
  await apply(log, machine, [put("bytes", "\u00ff"), put("text", Buffer.from("grün").toString("latin1"))]);
  expect(await log.apply(machine, getText("text"), getText("bytes"), getText("no"))).toStrictEqual([
    { status: "ok", value: "grün" },
    refused("notText"),
    { status: "noKey" },
  ]);
  expect(await machine.query({ key: "text" })).toBe("grün");
  await expect(machine.query({ key: "bytes" })).rejects.toThrow(KvNotTextError);
  expect(await machine.query({ type: "items", keys: [key, "no"] })).toStrictEqual({
    revision: 3,
    items: [item(value, 1, 2), null],
  });
  expect(await machine.query({ type: "revision" })).toStrictEqual({ revision: 3 });
});

test("what is written into the log is what command.proto says", () => {
  const bytes = new TextEncoder();
  const conditions: Condition[] = [
    exists("a"),
    exists("a", false),
    { type: "value", key: "b", value: "v" },
    { type: "modRevision", key: "c", modRevision: 2 ** 40 },
    { type: "unknown", key: "d" },
  ];
  const operations = [
    get("a"),
    put("b", "v"),
    remove("c"),
    append("d", ""),
    { type: "unknown", key: "" } as const,
  ];
  const serial = { sessionId: 7, sequence: 2 ** 53 - 1, firstUnanswered: 3 };
  const writes = [
    { write: { conditions, operations }, serial },
    { write: { conditions: [], operations: [] }, serial: null },
  ];
  const encoded = encodeWrites(writes);
  const key = (text: string) => ({ key: bytes.encode(text) });
  const command = create(CommandSchema, {
    writes: [
      {
        conditions: [
          { ...key("a"), expected: { case: "exists", value: true } },
          { ...key("a"), expected: { case: "exists", value: false } },
          { ...key("b"), expected: { case: "value", value: bytes.encode("v") } },
          { ...key("c"), expected: { case: "modRevision", value: 2n ** 40n } },
          key("d"),
        ],
        operations: [
          { operation: { case: "get", value: key("a") } },
          { operation: { case: "put", value: { ...key("b"), value: bytes.encode("v") } } },
          { operation: { case: "delete", value: key("c") } },
          { operation: { case: "append", value: { ...key("d"), value: new Uint8Array() } } },
          {},
        ],
        serial: { sessionId: 7n, sequence: 2n ** 53n - 1n, firstUnanswered: 3n },
      },
      {},
    ],
  });
  const generated = Uint8Array.of(0, 1, ...toBinary(CommandSchema, command));
  // An empty value may be there or not.
  expect(decodeWrites(generated)).toStrictEqual({ writes, opensSession: false });
  expect(decodeWrites(encoded)).toStrictEqual({ writes, opensSession: false });
  const opening = Uint8Array.of(
    0,
    1,
    ...toBinary(CommandSchema, create(CommandSchema, { openSession: true })),
  );
  expect(encodeOpenSession()).toStrictEqual(opening);
  expect(decodeWrites(opening)).toStrictEqual({ writes: [], opensSession: true });
});

test("the same for values, numbers and commands of any size", () => {
  const key = new TextEncoder().encode("k");
  const sizes = [1, 100, 110, 127, 128, 129, 500, 513, 16_370, 16_383, 16_384, MAX_VALUE_BYTES];
  for (const size of sizes) {
    const value = new Uint8Array(size).fill(0xe9);
    const encoded = encodeWrites([
      {
        write: { conditions: [], operations: [{ type: "put", key: "k", value }, put("l", "1")] },
        serial: null,
      },
    ]);
    const operations = [
      { operation: { case: "put", value: { key, value } } } as const,
      {
        operation: {
          case: "put",
          value: { key: new TextEncoder().encode("l"), value: new TextEncoder().encode("1") },
        },
      } as const,
    ];
    const command = create(CommandSchema, { writes: [{ operations }] });
    expect(Buffer.compare(encoded.subarray(2), toBinary(CommandSchema, command))).toBe(0);
  }
  for (const number of [0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 49, 2 ** 53 - 1, -1, -128, -(2 ** 53 - 1)]) {
    const serial = { sessionId: number, sequence: 1, firstUnanswered: number };
    const writes = [{ write: { conditions: [], operations: [get("a")] }, serial }];
    expect(decodeWrites(encodeWrites(writes))).toStrictEqual({ writes, opensSession: false });
    const [{ serial: message } = {}] = fromBinary(CommandSchema, encodeWrites(writes).subarray(2)).writes;
    expect(message).toMatchObject({ sessionId: BigInt(number), firstUnanswered: BigInt(number) });
  }
});

test("a command that is cut anywhere, or a part of it that runs over its end, is none", () => {
  // Mark, version; a write of ten bytes with an operation of eight with a put of six: "v" at "k".
  const whole = Uint8Array.from([0, 1, 0x0a, 10, 0x12, 8, 0x12, 6, 0x0a, 1, 0x6b, 0x12, 1, 0x76]);
  expect(decodeWrites(whole)?.writes).toHaveLength(1);
  for (let end = 1; end < whole.length; end++) expect(decodeWrites(whole.subarray(0, end))).toBe(null);
  for (const at of [3, 5, 7, 9, 12]) {
    for (const by of [-1, 1]) {
      const bytes = whole.slice();
      bytes[at] = (bytes[at] ?? 0) + by;
      expect(decodeWrites(bytes), `${by} at ${at}`).toBe(null);
      // What comes behind it does not make up for it.
      expect(decodeWrites(Uint8Array.from([...bytes, ...whole.subarray(2)])), `${by} at ${at}`).toBe(null);
    }
  }
});

test("no bytes behind the mark make it throw, and servers make the same of them", async () => {
  const random = seeded(4);
  const one = new KvStateMachine({ maxKeys: 10 });
  const two = new KvStateMachine({ maxKeys: 10 });
  const log = new Log();
  let malformed = 0;
  for (let i = 0; i < 6000; i++) {
    const operations = [put(`k${i % 15}`, "v"), get("k1"), append("k2", `${i}`)].slice(i % 3);
    const serial = i % 4 === 0 ? { sessionId: i, sequence: i, firstUnanswered: 1 } : null;
    const bytes = write({ conditions: i % 5 === 0 ? [exists("k3")] : [], operations }, serial);
    for (let flips = i % 4; flips > 0; flips--) {
      bytes[1 + Math.floor(random() * (bytes.length - 1))] = Math.floor(random() * 256);
    }
    const end = i % 7 === 0 ? Math.ceil(random() * bytes.length) : bytes.length;
    const results = await log.apply(one, bytes.slice(0, end));
    expect(await two.apply(log.entries.slice(-1))).toStrictEqual(results);
    if (results[0]?.status === "refused") malformed += 1;
  }
  expect(malformed).toBeGreaterThan(500);
  expect(one.revision).toBeGreaterThan(200);
  expect(await snapshotOf(two)).toStrictEqual(await snapshotOf(one));
  for (const bytes of [[0], [0, 0], [0, 2, 8, 1], [0, 1], [0, 1, 0x10, 0], [0, 1, 0x10, 1, 0x0a, 0]]) {
    expect(await log.apply(one, Uint8Array.from(bytes))).toStrictEqual([refused("malformed")]);
  }
});

test("the bytes of a command may be used again once it has been applied", async () => {
  const [log, machine] = [new Log(), new KvStateMachine()];
  const bytes = write([put("small", "s".repeat(10)), put("large", "l".repeat(5000))]);
  // As in a message of many commands: kept as it is, it would keep all of that alive.
  const message = new Uint8Array(100_000);
  message.set(bytes, 500);
  await log.apply(machine, message.subarray(500, 500 + bytes.length));
  message.fill(0);
  expect(await machine.query({ key: "small" })).toBe("s".repeat(10));
  expect(await machine.query({ key: "large" })).toBe("l".repeat(5000));
});
