import { expect, test } from "vitest";
import type { Serial } from "@eraft/kv";
import { seeded, snapshotOf } from "./support/commands.ts";
import { Servers } from "./support/servers.ts";
import { append, exists, get, put, write } from "./support/writes.ts";

function serialOf(sessionId: number): (sequence: number, firstUnanswered?: number) => Serial {
  return (sequence, firstUnanswered = 1) => ({ sessionId, sequence, firstUnanswered });
}

test("6.3: a write that is sent again is not done again, and has the answer it had, in any order", async () => {
  const servers = new Servers();
  const serial = serialOf(await servers.open());
  const second = await servers.write(serial(2), [append("k", "b"), get("k")]);
  const first = await servers.write(serial(1), [append("k", "a"), get("k")]);
  expect(await servers.write(serial(2), [append("k", "b"), get("k")])).toStrictEqual(second);
  expect(await servers.write(serial(1), [append("k", "a"), get("k")])).toStrictEqual(first);
  expect(await servers.machine.query({ key: "k" })).toBe("ba");
  expect(servers.machine.revision).toBe(2);
});

test("refusals and conditions that did not hold are remembered, too", async () => {
  const servers = new Servers({ maxKeys: 1 });
  const serial = serialOf(await servers.open());
  const conditional = { conditions: [exists("k")], operations: [append("k", "!")] };
  const failed = await servers.write(serial(1), conditional);
  expect(failed?.status).toBe("conditionFailed");
  await servers.write(serial(2), [put("k", "v")]);
  const full = await servers.write(serial(3), [put("other", "")]);
  expect(full).toStrictEqual({ status: "refused", reason: "storeFull" });
  await servers.log.apply(servers.machine, write([{ type: "delete", key: "k" }]));
  expect(await servers.write(serial(1), conditional)).toStrictEqual(failed);
  expect(await servers.write(serial(3), [put("other", "")])).toStrictEqual(full);
  expect(servers.machine.keyCount).toBe(0);
});

test("a session that is not known does nothing", async () => {
  const servers = new Servers({ maxSessions: 2 });
  const expired = { status: "refused", reason: "sessionExpired" };
  const first = serialOf(await servers.open());
  await servers.write(first(1), [put("k", "1")]);
  const second = serialOf(await servers.open());
  await servers.write(first(1), [put("k", "1")]);
  await servers.open();
  // The first one was used after the second one was opened.
  expect(await servers.write(second(1), [put("k", "2")])).toStrictEqual(expired);
  expect(await servers.write(first(2), [put("k", "3")])).toMatchObject({ status: "done" });
  for (const id of [0, 99, -1])
    expect(await servers.write(serialOf(id)(1), [put("k", "4")])).toStrictEqual(expired);
  expect(await servers.machine.query({ key: "k" })).toBe("3");
});

test("numbers outside of the window, or that are none, do nothing", async () => {
  const servers = new Servers();
  const serial = serialOf(await servers.open());
  const outside = { status: "refused", reason: "sequenceOutOfWindow" };
  await servers.write(serial(5, 5), [put("k", "5")]);
  for (const [sequence, firstUnanswered] of [
    [4, 1],
    [5 + 1025, 5],
    [0, 0],
    [6, 0],
    [6, 7],
    [-1, -1],
  ] as const) {
    expect(await servers.write(serial(sequence, firstUnanswered), [put("k", "no")])).toStrictEqual(outside);
  }
  expect(await servers.write(serial(5 + 1024, 5), [put("k", "yes")])).toMatchObject({ status: "done" });
  expect(await servers.machine.query({ key: "k" })).toBe("yes");
});

test("large values of an answer are found again, as long as table or history have them", async () => {
  const servers = new Servers({ maxHistoryBytes: 5000 });
  const serial = serialOf(await servers.open());
  const [one, two] = ["1".repeat(1000), "2".repeat(1000)];
  await servers.write(serial(1), [put("a", one), put("b", two)]);
  const read = [get("a"), get("b"), get("no")];
  const answer = await servers.write(serial(2), read);
  // The one is in the table, the other in the history by now; and a failed condition tells of one that is gone from the table.
  const failing = { conditions: [exists("a", false)], operations: [put("a", "")] };
  const failed = await servers.write(serial(3), failing);
  await servers.write(serial(4), [put("a", "new")]);
  const size = (await snapshotOf(servers.machine)).length;
  expect(await servers.write(serial(2), read)).toStrictEqual(answer);
  expect(await servers.write(serial(3), failing)).toStrictEqual(failed);
  expect((await snapshotOf(servers.machine)).length).toBe(size);
  // With another write, numbers of the first one would be answers to what was not asked.
  const outside = { status: "refused", reason: "sequenceOutOfWindow" };
  expect(await servers.write(serial(2), [])).toStrictEqual(outside);
  expect(await servers.write(serial(3), [get("no")])).toStrictEqual(outside);
  await servers.write(serial(5), [put("filler", "f".repeat(4500))]);
  expect(await servers.write(serial(2), read)).toStrictEqual(outside);
});

test("a value that a later operation of the same write replaced is remembered with the answer", async () => {
  const servers = new Servers();
  const serial = serialOf(await servers.open());
  const [one, two] = ["1".repeat(1000), "2".repeat(1000)];
  await servers.write(serial(1), [put("old", one)]);
  const swap = [put("k", one), get("k"), put("k", two), get("k"), get("old"), put("old", "")];
  const answer = await servers.write(serial(2), swap);
  expect(await servers.write(serial(2), swap)).toStrictEqual(answer);
  await servers.write(serial(3), [put("k", "later")]);
  expect(await servers.write(serial(2), swap)).toStrictEqual(answer);
});

test("whatever is sent again and however often, each write is done once", async () => {
  const random = seeded(6);
  const servers = new Servers({ maxSessions: 3 });
  const sessions = [await servers.open(), await servers.open(), await servers.open()];
  const answers = new Map<string, unknown>();
  for (let step = 0; step < 300; step++) {
    const sessionId = sessions[Math.floor(random() * 3)] ?? 0;
    const sequence = 1 + Math.floor(random() * 40);
    const name = `${sessionId}/${sequence};`;
    const operations = [append("k", name), get("k")];
    const result = await servers.write({ sessionId, sequence, firstUnanswered: 1 }, operations);
    expect(result).toStrictEqual(answers.get(name) ?? result);
    answers.set(name, result);
  }
  const done = (await servers.machine.query({ key: "k" }))?.split(";").slice(0, -1) ?? [];
  expect(done.toSorted()).toStrictEqual([...answers.keys()].map((name) => name.slice(0, -1)).toSorted());
});
