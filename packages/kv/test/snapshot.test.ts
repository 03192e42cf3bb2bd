import { expect, test } from "vitest";
import { crc32 as zlibCrc32 } from "node:zlib";
import {
  KvSnapshotError,
  type KvSnapshotErrorCode,
  KvStateMachine,
  encodeCommand,
  encodeOpenSession,
} from "@eraft/kv";
import { crc32 } from "../src/state/crc32.ts";
import { CHUNK_BYTES } from "../src/state/snapshot-format.ts";
import * as kv from "./support/writes.ts";
import { Log, append, collect, concat, pieces, put, seeded, snapshotOf } from "./support/commands.ts";
import { ManualClock } from "./support/manual-clock.ts";

/** A clock whose timers fire in the next turn: pauses that take no time. */
const clock = {
  now: () => 0,
  after: (_ms: number, fn: () => void) => {
    const immediate = setImmediate(fn);
    return () => clearImmediate(immediate);
  },
};

async function filled(keys: number, clients = 50): Promise<{ log: Log; machine: KvStateMachine }> {
  const log = new Log();
  const machine = new KvStateMachine({ clock });
  const commands = Array.from({ length: keys }, (_, i) =>
    put(`key-${i}`, `value-${i}`, BigInt(1 + (i % clients)), BigInt(i)),
  );
  await log.apply(machine, ...commands);
  return { log, machine };
}

function rechecked(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer);
  view.setUint32(60, zlibCrc32(bytes.subarray(0, 60)), true);
  view.setUint32(bytes.length - 4, zlibCrc32(bytes.subarray(0, -4)), true);
  return bytes;
}

test("the checksum is CRC-32 as in zlib, whole or in parts", () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
  expect(crc32(bytes)).toBe(zlibCrc32(bytes));
  expect(crc32(bytes.subarray(300), crc32(bytes.subarray(0, 300)))).toBe(zlibCrc32(bytes));
});

function u32(...numbers: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(numbers).buffer);
}

test("the format stays what it is, byte for byte", async () => {
  const limits = { maxSessions: 4, maxKeys: 9, maxHistoryChanges: 4, maxHistoryBytes: 7, maxResults: 1025 };
  const machine = new KvStateMachine(limits);
  const batch = { conditions: [], operations: [{ type: "delete", key: "b" } as const, kv.put("c", "2")] };
  await new Log().apply(machine, put("b", ""), append("ä", "x"), put("a", "0", 5n, 7n));
  await new Log(3).apply(machine, put("a", "1"), encodeOpenSession());
  const serial = { sessionId: 5, sequence: 3, firstUnanswered: 2 };
  await new Log(5).apply(machine, kv.write(batch, serial));
  const expected = concat([
    new TextEncoder().encode("ERAFT-KV"),
    // Of revisions 1 to 5 the last three are kept: four changes with seven bytes.
    u32(2, 4, 9, 4, 7, 1025, 3, 1, 1, 5, 0, 3, 0, 0),
    u32(1, 1, 3, 0, 4, 0),
    Uint8Array.of(0x61, 0x31),
    u32(1, 1, 5, 0, 5, 0),
    Uint8Array.of(0x63, 0x32),
    u32(2, 1, 2, 0, 2, 0),
    Uint8Array.of(0xc3, 0xa4, 0x78),
    u32(1, 1, 1, 3, 0),
    Uint8Array.of(0x61, 0x30),
    u32(1, 1, 2 ** 32 - 2, 3, 0),
    Uint8Array.of(0x61),
    u32(2, 1, 2 ** 32 - 1, 0, 0),
    Uint8Array.of(0x62),
    u32(1, 2 ** 32 - 2, 5, 0),
    Uint8Array.of(0x63),
    Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0),
    u32(41, 5, 0, 6, 0, 2, 0, 1, 1, 5),
    // Done at revision 5, with two answers: deleted, and nothing.
    Uint8Array.of(0, 5, 2, 1, 0),
    new Uint8Array(4),
  ]);
  expect(await snapshotOf(machine)).toStrictEqual(rechecked(expected));
});

test("an empty store has a snapshot, which empties another", async () => {
  const { machine } = await filled(3);
  await machine.restore(new KvStateMachine().snapshot(), 9);
  expect([machine.keyCount, machine.sessionCount]).toStrictEqual([0, 0]);
});

test("chunks are of one size, and any other cut is read as well", async () => {
  const { machine } = await filled(20_000);
  await machine.apply([{ index: 30_000, command: encodeCommand(put("large", "€".repeat(300_000))) }]);
  const chunks = await collect(machine.snapshot());
  expect(chunks.length).toBeGreaterThan(8);
  expect(new Set(chunks.slice(0, -1).map((chunk) => chunk.length))).toStrictEqual(new Set([CHUNK_BYTES]));
  const bytes = concat(chunks);
  for (const size of [97, 4096, CHUNK_BYTES + 1, bytes.length]) {
    const restored = new KvStateMachine({ clock });
    await restored.restore(pieces(bytes, size), 30_000);
    expect(concat(await collect(restored.snapshot()))).toStrictEqual(bytes);
  }
  const small = await snapshotOf((await filled(20)).machine);
  const restored = new KvStateMachine({ clock });
  await restored.restore(pieces(small, 1), 20);
  expect(restored.keyCount).toBe(20);
});

test("a view does not see what is applied after the call, and overlapping views each see their own moment", async () => {
  const { log, machine } = await filled(5000);
  const expected: Uint8Array[] = [];
  const views: AsyncIterator<Uint8Array>[] = [];
  const seen: Uint8Array[][] = [[], [], []];
  for (let round = 0; round < 3; round++) {
    expected.push(await snapshotOf(machine));
    views.push(machine.snapshot()[Symbol.asyncIterator]());
    // Overwrites, grows and adds: first pages, the last page, new pages; sessions come, change places and go.
    for (let i = 0; i < 3000; i += 7) {
      const id = BigInt(100 + i + round);
      await log.apply(machine, put(`key-${i}`, `${round}`, id, 1n), append(`key-${4999 - i}`, "+", 3n, id));
      await log.apply(machine, put(`new-${round}-${i}`, "n"));
    }
    const next = await views[0]?.next();
    if (next?.done !== true && next !== undefined) seen[0]?.push(next.value);
  }
  for (let open = true; open;) {
    open = false;
    for (const [i, view] of views.entries()) {
      await log.apply(machine, append(`key-${i}`, "while reading"));
      const next = await view.next();
      if (next.done === true) continue;
      seen[i]?.push(next.value);
      open = true;
    }
  }
  for (const [i, bytes] of expected.entries()) expect(concat(seen[i] ?? [])).toStrictEqual(bytes);
  expect(await snapshotOf(machine)).not.toStrictEqual(expected[2]);
});

test("a restore leaves views alone that are being read", async () => {
  const { machine } = await filled(5000);
  const expected = await snapshotOf(machine);
  const view = machine.snapshot();
  await machine.restore(new KvStateMachine().snapshot(), 9000);
  expect(concat(await collect(view))).toStrictEqual(expected);
});

test("writing and reading let others run after every chunk", async () => {
  const { machine } = await filled(20_000, 20_000);
  const bytes = await snapshotOf(machine);
  const chunkCount = Math.ceil(bytes.length / CHUNK_BYTES);
  const manual = new ManualClock();
  let pauses = 0;
  const counting = {
    now: () => manual.now(),
    after: (_ms: number, fn: () => void) => {
      pauses += 1;
      queueMicrotask(fn);
      return () => {};
    },
  };
  const copy = new KvStateMachine({ clock: counting });
  await copy.restore(pieces(bytes, bytes.length), 20_000);
  expect(pauses).toBe(chunkCount - 1);
  await collect(copy.snapshot());
  expect(pauses).toBe(2 * (chunkCount - 1));
});

test("where the host has turns, whoever reads waits for these, and for no timer of a millisecond", async () => {
  const { machine } = await filled(20_000, 20_000);
  const bytes = await snapshotOf(machine);
  let turns = 0;
  const turning = {
    now: () => 0,
    after: () => {
      throw new Error("a timer");
    },
    soon: (fn: () => void) => {
      turns += 1;
      return clock.after(0, fn);
    },
  };
  const copy = new KvStateMachine({ clock: turning });
  await copy.restore(pieces(bytes, bytes.length), 20_000);
  expect(turns).toBe(Math.ceil(bytes.length / CHUNK_BYTES) - 1);
});

async function good(): Promise<Uint8Array<ArrayBuffer>> {
  const { log, machine } = await filled(3);
  const serial = { sessionId: 4, sequence: 1, firstUnanswered: 1 };
  await log.apply(machine, encodeOpenSession(), kv.write([kv.get("key-0")], serial));
  return snapshotOf(machine);
}

const GOOD = await good();
const FIRST = 64;
const SECOND = FIRST + 24 + "key-0".length + "value-0".length;
const CHANGES = FIRST + 3 * (SECOND - FIRST);
const SECOND_CHANGES = CHANGES + 4 + 16 + "key-0".length;
const CLIENTS = CHANGES + 3 * (SECOND_CHANGES - CHANGES);
const SESSIONS = CLIENTS + 3 * 17;

function edited(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array<ArrayBuffer> {
  const bytes = GOOD.slice();
  change(new DataView(bytes.buffer), bytes);
  return bytes;
}

const UNSOUND: readonly (readonly [string, KvSnapshotErrorCode, Uint8Array])[] = [
  ["nothing", "truncated", new Uint8Array()],
  ["half a header", "truncated", GOOD.slice(0, 20)],
  ["one byte missing", "truncated", GOOD.slice(0, -1)],
  ["one byte more", "trailingBytes", concat([GOOD, Uint8Array.of(0)])],
  ["twice the same", "trailingBytes", concat([GOOD, GOOD])],
  ["something else", "badMagic", edited((view) => view.setUint8(0, 0))],
  ["a later version", "unsupportedVersion", edited((view) => view.setUint32(8, 3, true))],
  ["the version before", "unsupportedVersion", edited((view) => view.setUint32(8, 1, true))],
  ["other limits", "differentLimits", rechecked(edited((view) => view.setUint32(12, 7, true)))],
  ["another history", "differentLimits", rechecked(edited((view) => view.setUint32(20, 7, true)))],
  ["a damaged header", "damaged", edited((view) => view.setUint32(32, 2, true))],
  ["a damaged value", "damaged", edited((view) => view.setUint8(SECOND - 1, 0x41))],
  ["a damaged checksum", "damaged", edited((_, bytes) => bytes.fill((GOOD.at(-1) ?? 0) ^ 1, -1))],
  ["more keys than fit", "damaged", rechecked(edited((view) => view.setUint32(32, 2 ** 31, true)))],
  ["more clients than fit", "damaged", rechecked(edited((view) => view.setUint32(36, 2 ** 31, true)))],
  ["more sessions than fit", "damaged", rechecked(edited((view) => view.setUint32(40, 2 ** 31, true)))],
  ["a revision above 2^53", "damaged", rechecked(edited((view) => view.setUint32(48, 2 ** 21, true)))],
  ["a history from revision 0", "damaged", rechecked(edited((view) => view.setUint32(52, 0, true)))],
  ["a history of the future", "damaged", rechecked(edited((view) => view.setUint32(52, 5, true)))],
  ["a key of no bytes", "damaged", edited((view) => view.setUint32(FIRST, 0, true))],
  ["a huge value", "damaged", edited((view) => view.setUint32(FIRST + 4, 0xffff_ffff, true))],
  ["a key twice", "duplicateKey", edited((_, bytes) => bytes.copyWithin(SECOND, FIRST, SECOND))],
  ["keys in another order", "damaged", rechecked(edited((view) => view.setUint8(FIRST + 28, 0x39)))],
  ["an item of no revision", "damaged", rechecked(edited((view) => view.setUint32(FIRST + 8, 0, true)))],
  ["an item older than its key", "damaged", rechecked(edited((view) => view.setUint32(FIRST + 8, 2, true)))],
  ["an item of the future", "damaged", rechecked(edited((view) => view.setUint32(FIRST + 16, 4, true)))],
  ["a revision without changes", "damaged", rechecked(edited((view) => view.setUint32(CHANGES, 0, true)))],
  ["too many changes at once", "damaged", rechecked(edited((view) => view.setUint32(CHANGES, 129, true)))],
  ["a change of no key", "damaged", rechecked(edited((view) => view.setUint32(CHANGES + 4, 0, true)))],
  [
    "a change that is too large",
    "damaged",
    rechecked(edited((view) => view.setUint32(CHANGES + 8, 2 ** 21, true))),
  ],
  [
    "a change that made nothing that is there",
    "damaged",
    rechecked(edited((_, bytes) => bytes.copyWithin(SECOND_CHANGES, CHANGES, SECOND_CHANGES))),
  ],
  [
    "a change of a key made later",
    "damaged",
    rechecked(edited((view) => view.setUint32(CHANGES + 12, 2, true))),
  ],
  ["more changes than there are", "damaged", rechecked(edited((view) => view.setUint32(CHANGES, 2, true)))],
  [
    "a session twice",
    "duplicateSession",
    edited((_, bytes) => bytes.copyWithin(CLIENTS + 17, CLIENTS, CLIENTS + 17)),
  ],
  ["a client 0", "damaged", edited((view) => view.setBigInt64(CLIENTS, 0n, true))],
  ["an unknown result of a client", "damaged", edited((view) => view.setUint8(CLIENTS + 16, 99))],
  ["a huge session", "damaged", rechecked(edited((view) => view.setUint32(SESSIONS, 2 ** 31 + 1, true)))],
  ["a session of no index", "damaged", rechecked(edited((view) => view.setUint32(SESSIONS + 4, 0, true)))],
  ["a session that is cut off", "damaged", rechecked(edited((view) => view.setUint32(SESSIONS, 30, true)))],
  ["an unknown result", "damaged", rechecked(edited((view) => view.setUint8(SESSIONS + 40, 9)))],
  ["one key more than there are", "damaged", rechecked(edited((view) => view.setUint32(32, 4, true)))],
  ["one client less than there are", "damaged", rechecked(edited((view) => view.setUint32(36, 2, true)))],
];

for (const [name, code, bytes] of UNSOUND) {
  test(`restoring ${name} fails as ${code}, and the old state stays`, async () => {
    const { log, machine } = await filled(40);
    const before = await snapshotOf(machine);
    for (const size of [5, bytes.length + 1]) {
      const restore = machine.restore(pieces(bytes, size), 3);
      await expect(restore).rejects.toMatchObject({ name: "KvSnapshotError", code });
    }
    expect(await snapshotOf(machine)).toStrictEqual(before);
    expect(await log.apply(machine, put("still", "works"))).toStrictEqual([{ status: "ok", value: "" }]);
  });
}

test("a history that is larger than what its header and this server allow is none of a correct server", async () => {
  const machine = new KvStateMachine({ maxHistoryChanges: 2 });
  const tooMany = rechecked(edited((view) => view.setUint32(20, 2, true)));
  await expect(machine.restore(pieces(tooMany, 64), 3)).rejects.toMatchObject({ code: "damaged" });
  expect(machine.keyCount).toBe(0);
});

async function* broken(): AsyncGenerator<Uint8Array> {
  yield* pieces(GOOD.subarray(0, 50), 20);
  throw new Error("the sender has gone");
}

test("a snapshot that stops coming leaves the old state", async () => {
  const { machine } = await filled(40);
  const before = await snapshotOf(machine);
  await expect(machine.restore(broken(), 3)).rejects.toThrow("the sender has gone");
  expect(await snapshotOf(machine)).toStrictEqual(before);
});

test("no flipped bit gets through", async () => {
  const random = seeded(3);
  const machine = new KvStateMachine();
  for (let at = 0; at < GOOD.length; at++) {
    const bytes = GOOD.slice();
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    await expect(machine.restore(pieces(bytes, 64), 3), `byte ${at}`).rejects.toThrow(KvSnapshotError);
  }
  expect(machine.keyCount).toBe(0);
});
