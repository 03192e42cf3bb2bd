import { beforeEach, expect, test } from "vitest";
import { ClientTable, SESSION_WINDOW, SessionTable } from "../../src/sessions/index.ts";

let table: SessionTable<string>;

beforeEach(() => {
  table = new SessionTable({ maxSessions: 3, maxResults: SESSION_WINDOW + 1 });
  table.open(1);
  table.open(2);
  table.trackChanges();
});

function write(index: number, sessionId: number, sequence: number): void {
  table.once(index, { sessionId, sequence, firstUnanswered: 1 }, () => `at ${index}`);
}

function changes(): { readonly used: readonly number[]; readonly gone: readonly number[] } {
  const { used, gone } = table.takeChanges();
  return { used: used.map(({ id }) => id), gone };
}

test("a table tells which sessions were used, in the order of use, each once", () => {
  write(3, 2, 1);
  write(4, 1, 1);
  write(5, 2, 2);
  expect(changes()).toEqual({ used: [1, 2], gone: [] });
  expect(changes()).toEqual({ used: [], gone: [] });
});

test("what it tells of a session is how that is now", () => {
  write(3, 2, 1);
  write(4, 2, 2);
  const [session] = table.takeChanges().used;
  expect(session?.lastUsed).toBe(4);
  expect(session?.results()).toEqual([
    [1, "at 3"],
    [2, "at 4"],
  ]);
});

test("a write that is repeated or out of its window is use, too: it decides who expires", () => {
  write(3, 1, 1);
  write(4, 2, 1);
  changes();
  write(5, 1, 1);
  expect(changes().used).toEqual([1]);
  write(6, 1, 5000);
  expect(changes().used).toEqual([1]);
});

test("it tells of sessions that are closed, and of those that expire unasked", () => {
  write(3, 1, 1);
  table.close(4, 1);
  for (const index of [5, 6, 7]) table.open(index);
  expect(changes()).toEqual({ used: [5, 6, 7], gone: [1, 2] });
});

test("nothing is noted before somebody asks for it", () => {
  const unasked = new SessionTable({ maxSessions: 3 });
  unasked.open(1);
  expect(() => unasked.takeChanges()).toThrow("nobody has asked");
});

test("a client that was forgotten and writes again is there", () => {
  const clients = new ClientTable<string>(1);
  clients.trackChanges();
  for (const clientId of [1n, 2n, 1n]) clients.record({ clientId, commandId: 1n, result: "done" });
  const { used, gone } = clients.takeChanges();
  expect(used.map(({ clientId }) => clientId)).toEqual([1n]);
  expect(gone).toEqual([2n]);
});
