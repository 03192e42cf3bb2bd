import { beforeEach, describe, expect, test } from "vitest";
import { SESSION_WINDOW, type SessionOutcome, SessionTable } from "../../src/sessions/index.ts";

const EXPIRED = { type: "expired" };
const OUT_OF_WINDOW = { type: "outOfWindow" };

let table: SessionTable<string>;
let index: number;
let applied: string[];

beforeEach(() => {
  table = new SessionTable({ maxSessions: 3, maxResults: SESSION_WINDOW + 1 });
  index = 0;
  applied = [];
});

const open = (): number => table.open((index += 1));

/** Writes, and gives the text that says which write this was the first time. */
function write(sessionId: number, sequence: number, firstUnanswered = 1): SessionOutcome<string> {
  return table.once((index += 1), { sessionId, sequence, firstUnanswered }, () => {
    const result = `write ${sequence} of ${sessionId} at ${index}`;
    applied.push(result);
    return result;
  });
}

const done = (result: string | undefined): unknown => ({ type: "done", result });

describe("a write (dissertation, 6.3)", () => {
  test("that comes again is not applied again, and is answered as the first time", () => {
    const session = open();
    const first = write(session, 1);
    expect(write(session, 1)).toEqual(first);
    expect(applied).toHaveLength(1);
  });

  test("may arrive in any order, and each is done once", () => {
    const session = open();
    const outcomes = [3, 1, 2].map((sequence) => write(session, sequence));
    expect(applied).toHaveLength(3);
    expect([3, 1, 2].map((sequence) => write(session, sequence))).toEqual(outcomes);
    expect(applied).toHaveLength(3);
  });

  test("of another session is another write", () => {
    const [one, other] = [open(), open()];
    write(one, 1);
    write(other, 1);
    expect(applied).toHaveLength(2);
  });

  test("whose answer was given up is not applied again, nor is one that never came and was given up", () => {
    const session = open();
    write(session, 1);
    write(session, 3, 3);
    expect(write(session, 1)).toEqual(OUT_OF_WINDOW);
    expect(write(session, 2)).toEqual(OUT_OF_WINDOW);
    expect(applied).toHaveLength(2);
    expect(table.resultCount).toBe(1);
  });

  test("an older firstUnanswered that arrives late brings nothing back", () => {
    const session = open();
    write(session, 5, 5);
    expect(write(session, 4, 1)).toEqual(OUT_OF_WINDOW);
    expect(write(session, 6, 1).type).toBe("done");
    expect(write(session, 5, 1)).toEqual(done(applied[0]));
  });

  test("a repeated one gives up what it says, too", () => {
    const session = open();
    write(session, 1);
    write(session, 2);
    write(session, 2, 2);
    expect(table.resultCount).toBe(1);
    expect(write(session, 1)).toEqual(OUT_OF_WINDOW);
  });

  test("may be 1,024 above the first unanswered one, and no further", () => {
    expect(SESSION_WINDOW).toBe(1024);
    const session = open();
    expect(write(session, 1 + SESSION_WINDOW).type).toBe("done");
    expect(write(session, 2 + SESSION_WINDOW)).toEqual(OUT_OF_WINDOW);
    expect(write(session, 2 + SESSION_WINDOW, 2).type).toBe("done");
    expect(applied).toHaveLength(2);
  });

  test("a leap over many forgets all below it", () => {
    const session = open();
    for (const sequence of [1, 2, 700]) write(session, sequence);
    write(session, 10_000, 9_500);
    expect(table.resultCount).toBe(1);
    expect(write(session, 700, 700)).toEqual(OUT_OF_WINDOW);
  });

  test.each([
    ["sequence 0", 0, 0],
    ["a sequence below 0", -1, -1],
    ["a sequence that is no whole number", 1.5, 1],
    ["a sequence that is no safe integer", 2 ** 53, 2 ** 53 - 1],
    ["firstUnanswered 0", 1, 0],
    ["firstUnanswered above the sequence", 1, 2],
    ["a firstUnanswered that is no whole number", 2, 1.5],
    ["no number", Number.NaN, 1],
  ])("with %s is not applied, and gives nothing up", (_, sequence, firstUnanswered) => {
    const session = open();
    const first = write(session, 1);
    expect(write(session, sequence, firstUnanswered)).toEqual(OUT_OF_WINDOW);
    expect(write(session, 1)).toEqual(first);
    expect(applied).toHaveLength(1);
  });
});

describe("a session", () => {
  test("is named after the entry that opened it", () => {
    expect(table.open(17)).toBe(17);
    expect(table.has(17)).toBe(true);
  });

  test("that was never opened is told as expired, and nothing of it is applied", () => {
    expect(write(99, 1)).toEqual(EXPIRED);
    expect(applied).toEqual([]);
  });

  test("is the first to expire if it was least recently used, not if it was opened first", () => {
    const [first, second, third] = [open(), open(), open()];
    write(first, 1);
    open();
    expect(write(second, 1)).toEqual(EXPIRED);
    expect(write(first, 2).type).toBe("done");
    expect(write(third, 1).type).toBe("done");
  });

  test("is used by a command that is repeated or out of its window, too: whoever speaks is alive", () => {
    const [first, second, third] = [open(), open(), open()];
    write(second, 1);
    write(first, 1);
    write(second, 1);
    write(third, 5000);
    open();
    expect([first, second, third].map((id) => table.has(id))).toEqual([false, true, true]);
  });

  test("takes its results with it when it expires", () => {
    for (let count = 0; count < 3; count++) {
      const session = open();
      for (let sequence = 1; sequence <= 300; sequence++) write(session, sequence);
    }
    expect(table.resultCount).toBe(900);
    open();
    expect(table.resultCount).toBe(600);
  });

  test("expires when all have too many results, the least recently used one first, never the one that writes", () => {
    const [idle, other, busy] = [open(), open(), open()];
    write(idle, 1);
    write(other, 1);
    for (let sequence = 1; sequence < SESSION_WINDOW; sequence++) write(busy, sequence);
    expect(table.size).toBe(3);
    write(busy, SESSION_WINDOW);
    expect([idle, other, busy].map((id) => table.has(id))).toEqual([false, true, true]);
    write(busy, SESSION_WINDOW + 1);
    expect(table.size).toBe(1);
    expect(table.resultCount).toBe(SESSION_WINDOW + 1);
  });

  test("is gone when it is closed, with its results", () => {
    const session = open();
    write(session, 1);
    expect(table.close((index += 1), session)).toBe(true);
    expect(table.close((index += 1), session)).toBe(false);
    expect(write(session, 1)).toEqual(EXPIRED);
    expect(table).toMatchObject({ size: 0, resultCount: 0 });
  });

  test("expires in constant time however many went before", () => {
    table = new SessionTable({ maxSessions: 2 });
    for (let count = 0; count < 200_000; count++) open();
    expect(table.size).toBe(2);
  });
});

describe("many commands together", () => {
  test("a write that comes twice in one batch has one slot", () => {
    const serial = { sessionId: open(), sequence: 1, firstUnanswered: 1 };
    const first = table.claim((index += 1), serial);
    const second = table.claim((index += 1), serial);
    expect([first.type, second.type]).toEqual(["new", "repeated"]);
    if (first.type !== "new" || second.type !== "repeated") throw new Error("see above");
    expect(() => second.slot.result).toThrow("before it was there");
    first.slot.settle("once");
    expect(second.slot.result).toBe("once");
    expect(() => first.slot.settle("twice")).toThrow("applied twice");
  });

  test("a session that expires while its write is under way keeps nothing of it", () => {
    const sessionId = open();
    const claim = table.claim((index += 1), { sessionId, sequence: 1, firstUnanswered: 1 });
    for (let count = 0; count < 3; count++) open();
    if (claim.type !== "new") throw new Error("it is new");
    claim.slot.settle("done");
    expect(write(sessionId, 1)).toEqual(EXPIRED);
    expect(table.resultCount).toBe(0);
  });

  test("a view with a write under way cannot be read", () => {
    const sessionId = open();
    table.claim((index += 1), { sessionId, sequence: 1, firstUnanswered: 1 });
    expect(() => table.view().map((session) => session.results())).toThrow("before it was there");
  });
});

describe("a view", () => {
  test("stays as it was, whatever happens to the table", () => {
    const [first, second] = [open(), open()];
    write(first, 2);
    write(first, 1);
    const read = (): unknown =>
      view.map((session) => {
        const { id, lastUsed, firstUnanswered } = session;
        return [id, lastUsed, firstUnanswered, session.results()];
      });
    const view = table.view();
    const before = read();
    expect(before).toEqual([
      [second, 2, 1, []],
      [
        first,
        4,
        1,
        [
          [1, applied[1]],
          [2, applied[0]],
        ],
      ],
    ]);
    write(first, 3, 3);
    write(second, 1);
    table.close((index += 1), first);
    for (let count = 0; count < 4; count++) open();
    expect(read()).toEqual(before);
  });

  test("two views that overlap are each as of their moment", () => {
    const session = open();
    write(session, 1);
    const one = table.view();
    write(session, 2);
    const other = table.view();
    write(session, 3);
    expect([one, other].map((view) => view[0]?.results().length)).toEqual([1, 2]);
  });
});

describe("what cannot be", () => {
  test.each([
    ["maxSessions", { maxSessions: 0 }],
    ["maxSessions", { maxSessions: 1.5 }],
    ["maxSessions", { maxSessions: 2 ** 24 + 1 }],
    ["maxResults", { maxResults: SESSION_WINDOW }],
  ])("a limit: %s, %o", (name, limits) => {
    expect(() => new SessionTable(limits)).toThrow(name);
  });

  test("an entry that comes after a later one, and one that opens two sessions", () => {
    table.open(5);
    expect(() => table.open(4)).toThrow("the entry 4 comes after 5");
    expect(() => table.open(5)).toThrow("opens a second session");
  });
});
