import { expect, test } from "vitest";
import { Op } from "@eraft/proto/kvraftpb";
import {
  KvInvalidArgumentError,
  KvStateMachine,
  MAX_COMMAND_BYTES,
  MAX_KEY_BYTES,
  MAX_VALUE_BYTES,
  MAX_WRITE_BYTES,
  MAX_WRITE_PARTS,
  type RefusalReason,
  decodeCommand,
  encodeCommand,
} from "@eraft/kv";
import * as writes from "./support/writes.ts";
import { Log, append, get, pieces, put, seeded, snapshotOf } from "./support/commands.ts";

const WRITTEN = { status: "ok", value: "" };
const refused = (reason: RefusalReason): object => ({ status: "refused", reason });

test("PUT sets, APPEND adds or sets, GET and queries read", async () => {
  const machine = new KvStateMachine();
  const log = new Log();
  expect(await machine.open()).toBe(0);
  expect(
    await log.apply(machine, put("a", "1"), append("a", "2"), append("b", "3"), put("c", "")),
  ).toStrictEqual([WRITTEN, WRITTEN, WRITTEN, WRITTEN]);
  expect(await log.apply(machine, get("a"), get("c"), get("no"))).toStrictEqual([
    { status: "ok", value: "12" },
    { status: "ok", value: "" },
    { status: "noKey" },
  ]);
  expect(await machine.query({ key: "b" })).toBe("3");
  expect(await machine.query({ key: "no" })).toBeUndefined();
  await expect(machine.query({} as never)).rejects.toThrow(KvInvalidArgumentError);
  expect(machine.keyCount).toBe(3);
});

test("S10: an APPEND that was acknowledged and is retried is done once, in the same life and after a replay of the log", async () => {
  const log = new Log();
  const machine = new KvStateMachine();
  await log.apply(machine, append("k", "x", 7n, 0n), append("k", "x", 7n, 0n));
  expect(await machine.query({ key: "k" })).toBe("x");

  const replayed = new KvStateMachine();
  await replayed.apply(log.entries);
  await log.apply(replayed, append("k", "x", 7n, 0n));
  expect(await replayed.query({ key: "k" })).toBe("x");
});

test("S10: it is done once although a snapshot stands between it and its retry", async () => {
  const log = new Log();
  const machine = new KvStateMachine();
  await log.apply(machine, append("k", "x", 7n, 0n));
  const restored = new KvStateMachine();
  await restored.restore(machine.snapshot(), 1);
  await log.apply(restored, append("k", "x", 7n, 0n), append("k", "y", 7n, 1n));
  expect(await restored.query({ key: "k" })).toBe("xy");
});

test("an older command of a session is a duplicate too, and one without a session never is", async () => {
  const log = new Log();
  const machine = new KvStateMachine();
  await log.apply(machine, append("k", "a", 7n, 5n), append("k", "b", 7n, 4n));
  expect(await machine.query({ key: "k" })).toBe("a");
  await log.apply(machine, append("k", "c", 0n, 5n), append("k", "c", 0n, 5n));
  expect(await machine.query({ key: "k" })).toBe("acc");
  expect(machine.sessionCount).toBe(1);
});

test("client ids above 2^53 stay apart, in the log and in snapshots", async () => {
  const big = 2n ** 62n - 1n;
  expect(decodeCommand(encodeCommand(append("k", "a", big, big)))).toMatchObject({
    clientId: big,
    commandId: big,
  });
  const log = new Log();
  const machine = new KvStateMachine();
  // As JavaScript numbers these three are the same.
  for (const id of [big, big - 1n, big - 2n]) await log.apply(machine, append("k", "x", id, 1n));
  expect(await machine.query({ key: "k" })).toBe("xxx");
  const restored = new KvStateMachine();
  await restored.restore(machine.snapshot(), 3);
  for (const id of [big, big - 1n, big - 2n]) await log.apply(restored, append("k", "y", id, 1n));
  expect(await restored.query({ key: "k" })).toBe("xxx");
  expect(restored.sessionCount).toBe(3);
});

test("a refusal is remembered: its retry is refused although it would now fit", async () => {
  const log = new Log();
  const machine = new KvStateMachine();
  await log.apply(machine, put("k", "x".repeat(MAX_VALUE_BYTES)));
  expect(await log.apply(machine, append("k", "y", 7n, 0n))).toStrictEqual([refused("valueTooLarge")]);
  await log.apply(machine, put("k", "short"));
  const restored = new KvStateMachine();
  await restored.restore(machine.snapshot(), 3);
  expect(await log.apply(restored, append("k", "y", 7n, 0n))).toStrictEqual([refused("valueTooLarge")]);
  expect(await restored.query({ key: "k" })).toBe("short");
});

test("the session whose last write is oldest is evicted; a duplicate does not make a session younger", async () => {
  const log = new Log();
  const machine = new KvStateMachine({ maxSessions: 3 });
  for (const id of [1n, 2n, 3n]) await log.apply(machine, append("k", `${id}`, id, 0n));
  await log.apply(machine, append("k", "1", 1n, 0n)); // a duplicate: 1 stays the oldest
  await log.apply(machine, append("k", "2", 2n, 1n)); // a write: 2 is the youngest now
  await log.apply(machine, append("k", "4", 4n, 0n), append("k", "5", 5n, 0n)); // evicts 1, then 3
  expect(machine.sessionCount).toBe(3);
  expect(await machine.query({ key: "k" })).toBe("123245");
  for (const [id, commandId] of [
    [2n, 1n],
    [4n, 0n],
    [5n, 0n],
  ] as const) {
    await log.apply(machine, append("k", "!", id, commandId));
  }
  expect(await machine.query({ key: "k" })).toBe("123245");
  await log.apply(machine, append("k", "?", 1n, 0n)); // forgotten, so it is done again
  expect(await machine.query({ key: "k" })).toBe("123245?");
});

test("servers evict the same sessions whether they applied the log or came from a snapshot", async () => {
  const random = seeded(20);
  const log = new Log();
  const options = { maxSessions: 20 };
  const whole = new KvStateMachine(options);
  let other = new KvStateMachine(options);
  let evictions = 0;
  for (let round = 0; round < 200; round++) {
    const before = log.entries.length;
    for (let i = 0; i < 10; i++) {
      const client = BigInt(1 + Math.floor(random() * 40));
      await log.apply(whole, append(`${client}`, "x", client, BigInt(Math.floor(random() * 4))));
    }
    await other.apply(log.entries.slice(before));
    if (round % 7 === 3) {
      const copy = new KvStateMachine(options);
      await copy.restore(other.snapshot(), log.entries.length);
      other = copy;
    }
    evictions += whole.sessionCount === 20 ? 1 : 0;
    expect(await snapshotOf(other)).toStrictEqual(await snapshotOf(whole));
  }
  expect(evictions).toBeGreaterThan(100);
});

test("S14, L16: a command that cannot be done gives a result and changes nothing", async () => {
  const log = new Log();
  const machine = new KvStateMachine({ maxKeys: 1 });
  await log.apply(machine, put("k", "v"));
  const before = await snapshotOf(machine);
  const cases: readonly (readonly [Uint8Array, RefusalReason])[] = [
    [new Uint8Array([0xff]), "malformed"],
    [new Uint8Array([0x0a, 0x05, 0x61]), "malformed"],
    [encodeCommand({ ...put("k", "w"), op: 3 as Op }), "unknownOp"],
    [encodeCommand({ ...put("k", "w"), op: 256 as Op }), "unknownOp"],
    [encodeCommand({ ...put("k", "w"), op: -1 as Op }), "unknownOp"],
    [encodeCommand(put("", "w")), "emptyKey"],
    [encodeCommand(put("a".repeat(MAX_KEY_BYTES + 1), "w")), "keyTooLong"],
    [encodeCommand(put("ä".repeat(MAX_KEY_BYTES / 2) + "a", "w")), "keyTooLong"],
    [encodeCommand(put("k", "w".repeat(MAX_VALUE_BYTES + 1))), "valueTooLarge"],
    [encodeCommand(append("k", "w".repeat(MAX_VALUE_BYTES))), "valueTooLarge"],
    [encodeCommand(put("l", "w")), "storeFull"],
  ];
  for (const [bytes, reason] of cases) {
    expect(await log.apply(machine, bytes)).toStrictEqual([refused(reason)]);
  }
  expect(await snapshotOf(machine)).toStrictEqual(before);
});

test("limits count bytes of UTF-8, also of a value that grows", async () => {
  const log = new Log();
  const machine = new KvStateMachine();
  const euros = "€".repeat(Math.floor(MAX_VALUE_BYTES / 3)); // 3 bytes each, 1 byte short of the limit
  expect(await log.apply(machine, put("k", euros), append("k", "a"), append("k", "b"))).toStrictEqual([
    WRITTEN,
    WRITTEN,
    refused("valueTooLarge"),
  ]);
  expect(await log.apply(machine, put("😀".repeat(MAX_KEY_BYTES / 4), "4 bytes each"))).toStrictEqual([
    WRITTEN,
  ]);
  const restored = new KvStateMachine();
  await restored.restore(machine.snapshot(), 4);
  expect(await log.apply(restored, append("k", "b"))).toStrictEqual([refused("valueTooLarge")]);
});

test("no command is larger than MAX_COMMAND_BYTES, and not much smaller either", () => {
  const text = append("k".repeat(MAX_KEY_BYTES), "v".repeat(MAX_VALUE_BYTES), -1n, -1n);
  expect(encodeCommand(text).length).toBeLessThanOrEqual(MAX_COMMAND_BYTES);
  const each = MAX_WRITE_BYTES / MAX_WRITE_PARTS;
  const operations = Array.from({ length: MAX_WRITE_PARTS }, () =>
    writes.put("k".repeat(8), "v".repeat(each - 8)),
  );
  const most = Number.MAX_SAFE_INTEGER;
  const serial = { sessionId: most, sequence: most, firstUnanswered: most };
  const { length } = writes.write({ conditions: [], operations }, serial);
  expect(length).toBeLessThanOrEqual(MAX_COMMAND_BYTES);
  expect(length).toBeGreaterThan(MAX_COMMAND_BYTES * 0.999);
});

test("texts come back as they were written: byte-order marks, zeros, emoji", async () => {
  const log = new Log();
  const machine = new KvStateMachine();
  const texts = ["\uFEFFa", "a", "\0", "😀", "__proto__", "e\u0301", "é"];
  await log.apply(machine, ...texts.map((text) => put(text, text)));
  const restored = new KvStateMachine();
  await restored.restore(machine.snapshot(), 9);
  expect(restored.keyCount).toBe(texts.length);
  for (const text of texts) expect(await restored.query({ key: text })).toBe(text);
});

test("no bytes make it throw, and equal bytes make equal states", async () => {
  const random = seeded(1);
  const one = new KvStateMachine({ maxSessions: 5, maxKeys: 10 });
  const two = new KvStateMachine({ maxSessions: 5, maxKeys: 10 });
  const log = new Log();
  for (let i = 0; i < 3000; i++) {
    const bytes =
      i % 3 === 0
        ? Uint8Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 256))
        : encodeCommand(append(`k${i % 15}`, "v", BigInt(i % 9), BigInt(i)));
    for (let flips = i % 3; flips > 0; flips--) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    const results = await log.apply(one, bytes);
    expect(await two.apply(log.entries.slice(-1))).toStrictEqual(results);
    expect(results).toHaveLength(1);
  }
  expect(await snapshotOf(two)).toStrictEqual(await snapshotOf(one));
});

test("entries are applied in order, or not at all", async () => {
  const machine = new KvStateMachine();
  const entry = { index: 5, command: encodeCommand(append("k", "x")) };
  await machine.apply([entry]);
  await expect(machine.apply([entry])).rejects.toThrow("entry 5 applied after entry 5");
  await machine.restore(pieces(await snapshotOf(new KvStateMachine()), 10), 9);
  await expect(machine.apply([{ ...entry, index: 9 }])).rejects.toThrow("entry 9 applied after entry 9");
});

test("limits that cannot be are refused", () => {
  for (const bad of [0, -1, 1.5, NaN, 2 ** 24 + 1]) {
    expect(() => new KvStateMachine({ maxSessions: bad })).toThrow(KvInvalidArgumentError);
    expect(() => new KvStateMachine({ maxKeys: bad })).toThrow(KvInvalidArgumentError);
  }
});
