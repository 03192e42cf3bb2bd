import { describe, expect, test } from "vitest";
import {
  decodeSession,
  encodeSession,
  type Serial,
  SESSION_WINDOW,
  SessionTable,
} from "../../src/sessions/index.ts";
import { Dice } from "../support/dice.ts";

const codec = {
  encode: (text: string) => new TextEncoder().encode(text),
  decode: (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
};
const LIMITS = { maxSessions: 5, maxResults: SESSION_WINDOW + 30 };

const snapshotOf = (table: SessionTable<string>): Uint8Array[] =>
  table.view().map((session) => encodeSession(session, codec));

function restored(snapshot: readonly Uint8Array[], limits: object = LIMITS): SessionTable<string> {
  const table = new SessionTable<string>(limits);
  for (const bytes of snapshot) table.restore(decodeSession(bytes, codec));
  return table;
}

/** One log, as a server of the table and one of a plain list make it. */
class Log {
  readonly #dice: Dice;
  readonly #opened: number[] = [0];
  index = 0;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
  }

  next(): { readonly index: number; readonly serial: Serial | null; readonly closes: number | null } {
    const dice = this.#dice;
    this.index += 1 + dice.roll(2);
    const { index } = this;
    if (dice.roll(12) === 0) {
      this.#opened.push(index);
      return { index, serial: null, closes: null };
    }
    const sessionId = dice.pick(this.#opened.slice(-7));
    if (dice.roll(60) === 0) return { index, serial: null, closes: sessionId };
    const firstUnanswered = 1 + dice.roll(40) * (1 + dice.roll(3));
    const sequence = firstUnanswered - 2 + dice.roll(dice.roll(20) === 0 ? 2 * SESSION_WINDOW : 60);
    return { index, serial: { sessionId, sequence, firstUnanswered }, closes: null };
  }
}

function play(table: SessionTable<string>, { index, serial, closes }: ReturnType<Log["next"]>): string {
  if (closes !== null) return `closed ${table.close(index, closes)}`;
  if (serial === null) return `opened ${table.open(index)}`;
  const outcome = table.once(index, serial, () => `${serial.sequence} at ${index}`);
  return outcome.type === "done" ? outcome.result : outcome.type;
}

/** What 6.3 says, in the plainest form: everything is kept, and looked through. */
class PlainSessions {
  #sessions: { id: number; first: number; results: [number, string][] }[] = [];

  play({ index, serial, closes }: ReturnType<Log["next"]>): string {
    if (closes !== null) {
      const before = this.#sessions.length;
      this.#sessions = this.#sessions.filter(({ id }) => id !== closes);
      return `closed ${this.#sessions.length < before}`;
    }
    if (serial === null) {
      this.#sessions.push({ id: index, first: 1, results: [] });
      this.#expire();
      return `opened ${index}`;
    }
    const { sequence, firstUnanswered } = serial;
    const session = this.#sessions.find(({ id }) => id === serial.sessionId);
    if (session === undefined) return "expired";
    this.#sessions = [...this.#sessions.filter((other) => other !== session), session];
    if (sequence < 1 || firstUnanswered > sequence) return "outOfWindow";
    session.first = Math.max(session.first, firstUnanswered);
    session.results = session.results.filter(([number]) => number >= session.first);
    if (sequence < session.first || sequence - session.first > SESSION_WINDOW) return "outOfWindow";
    const earlier = session.results.find(([number]) => number === sequence);
    if (earlier !== undefined) return earlier[1];
    session.results.push([sequence, `${sequence} at ${index}`]);
    this.#expire();
    return `${sequence} at ${index}`;
  }

  #expire(): void {
    const count = (): number => this.#sessions.reduce((sum, { results }) => sum + results.length, 0);
    while (this.#sessions.length > LIMITS.maxSessions || count() > LIMITS.maxResults) this.#sessions.shift();
  }
}

test("random logs: as 6.3 in its plainest form", () => {
  const seen = new Map<string, number>();
  for (let seed = 1; seed <= 40; seed++) {
    const log = new Log(seed);
    const table = new SessionTable<string>(LIMITS);
    const plain = new PlainSessions();
    for (let step = 0; step < 1500; step++) {
      const command = log.next();
      const outcome = play(table, command);
      expect(outcome, `seed ${seed}, entry ${command.index}`).toBe(plain.play(command));
      const kind = outcome.endsWith(` at ${command.index}`) ? "new" : (outcome.split(" ")[0] ?? "");
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }
  }
  for (const kind of ["new", "expired", "outOfWindow", "opened", "closed"]) {
    expect(seen.get(kind), kind).toBeGreaterThan(100);
  }
});

test("random logs: a server that comes from a snapshot goes on like one that has applied the whole log", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const log = new Log(seed);
    const whole = new SessionTable<string>(LIMITS);
    let other = new SessionTable<string>(LIMITS);
    for (let step = 0; step < 800; step++) {
      const command = log.next();
      if (step % 97 === seed % 97) other = restored(snapshotOf(other));
      expect(play(other, command), `seed ${seed}, entry ${command.index}`).toBe(play(whole, command));
    }
    expect(snapshotOf(other)).toEqual(snapshotOf(whole));
    expect(other.resultCount).toBe(whole.resultCount);
  }
});

test("random logs: it does not matter how the log is cut into batches", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const log = new Log(seed);
    const one = new SessionTable<string>(LIMITS);
    const batched = new SessionTable<string>(LIMITS);
    let open: (() => void)[] = [];
    const settle = (): void => {
      for (const end of open) end();
      open = [];
    };
    const cuts = new Dice(1000 + seed);
    for (let step = 0; step < 800; step++) {
      const command = log.next();
      play(one, command);
      if (command.serial === null) play(batched, command);
      else {
        const { serial, index } = command;
        const claim = batched.claim(index, serial);
        if (claim.type === "new") open.push(() => claim.slot.settle(`${serial.sequence} at ${index}`));
      }
      if (cuts.roll(25) === 0) settle();
    }
    settle();
    expect(snapshotOf(batched), `seed ${seed}`).toEqual(snapshotOf(one));
  }
});

function sample(): Uint8Array {
  const table = new SessionTable<string>();
  const sessionId = table.open(3);
  table.once(9, { sessionId, sequence: 7, firstUnanswered: 6 }, () => "seven");
  table.once(12, { sessionId, sequence: 6, firstUnanswered: 6 }, () => "");
  const [bytes] = snapshotOf(table);
  if (bytes === undefined) throw new Error("there is one session");
  return bytes;
}

describe("the bytes of a session", () => {
  test("stay as they are", () => {
    expect(Buffer.from(sample()).toString("hex")).toBe(
      [
        "0300000000000000", // id
        "0c00000000000000", // lastUsed
        "0600000000000000", // firstUnanswered
        "02000000",
        "0000000000000000", // 6: 0 bytes
        "0100000005000000736576656e", // 7: "seven"
      ].join(""),
    );
  });

  test("hold numbers up to 2^53 - 1", () => {
    const table = new SessionTable<string>();
    const sessionId = table.open(2 ** 53 - 2);
    const serial = { sessionId, sequence: 2 ** 53 - 1, firstUnanswered: 2 ** 53 - 1 };
    table.once(2 ** 53 - 1, serial, () => "last");
    expect(snapshotOf(restored(snapshotOf(table)))).toEqual(snapshotOf(table));
  });

  test("are refused when anything is cut off", () => {
    const bytes = sample();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSession(bytes.subarray(0, length), codec), `${length} bytes`).toThrow(
        expect.objectContaining({ name: "SessionFormatError" }),
      );
    }
  });

  test.each<[string, number, number, string]>([
    ["id 0", 0, 0, "has 0 where an index"],
    ["an id beyond 2^53", 7, 0xff, "where an index or a number belongs"],
    ["firstUnanswered 0", 16, 0, "has 0 where an index"],
    ["used before it was opened", 8, 1, "before it was opened"],
    ["results in the wrong order", 28, 2, "cannot be one"],
    ["two results of one write", 28, 1, "cannot be one"],
    ["a result outside of the window", 38, 4, "cannot be one"],
    ["a result that is longer than what is there", 40, 6, "cannot be one"],
    ["a result that is shorter than what is there", 40, 4, "after its end"],
    ["a result that is none", 44, 0xff, "cannot be read"],
    ["fewer results than it has", 24, 1, "after its end"],
  ])("are refused: %s", (_, at, byte, message) => {
    const bytes = sample();
    bytes[at] = byte;
    expect(() => decodeSession(bytes, codec)).toThrow(message);
  });

  test("a session that is there twice, or out of order, or one too many is refused", () => {
    const table = new SessionTable<string>();
    for (let index = 1; index <= 6; index++) table.open(index);
    const snapshot = snapshotOf(table);
    expect(() => restored([...snapshot.slice(0, 1), ...snapshot.slice(0, 1)])).toThrow(
      "session 1 is there twice",
    );
    expect(() => restored(snapshot.toReversed())).toThrow("session 5 is not in the order of use");
    expect(() => restored(snapshot)).toThrow("more sessions or results than this server keeps");
    expect(restored(snapshot, { maxSessions: 6 }).size).toBe(6);
  });

  test("an entry that was applied before the snapshot is refused after it", () => {
    const table = restored([sample()]);
    expect(() => table.open(11)).toThrow("the entry 11 comes after 12");
  });
});
