import type { NodeId, Transport } from "@eraft/core";
import { beforeEach, expect, test } from "vitest";
import { AddressBook } from "../src/address-book.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { ScriptedTransport } from "./support/scripted-transport.ts";

const FAREWELL_MS = 2000;

let clock: ManualClock;
let errors: string[];
let calls: ReadonlyMap<NodeId, string>[];
let book: AddressBook;

/** As a transport that takes no address with a space in it. */
function picky(): Transport {
  const transport = new ScriptedTransport();
  transport.setPeers = (peers) => {
    for (const address of peers.values()) if (address.includes(" ")) throw new RangeError(`bad: ${address}`);
    calls.push(peers);
  };
  return transport;
}

beforeEach(() => {
  clock = new ManualClock();
  errors = [];
  calls = [];
  const logger = { info: () => {}, warn: () => {}, error: (line: string) => void errors.push(line) };
  book = new AddressBook(picky(), { clock, logger }, FAREWELL_MS);
});

const inForce = (): unknown => Object.fromEntries(calls.at(-1) ?? []);

test("the transport gets what the configuration says, in one call", () => {
  book.open(new Map([[1, "a"]]));
  book.set(
    new Map([
      [1, "a"],
      [2, "b"],
    ]),
  );
  expect(calls).toHaveLength(2);
  expect(inForce()).toEqual({ 1: "a", 2: "b" });
});

test("whoever leaves can be reached for a while, then no longer; unless it comes back", () => {
  book.open(
    new Map([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]),
  );
  book.set(new Map([[1, "a"]]));
  expect(inForce()).toEqual({ 1: "a", 2: "b", 3: "c" });
  clock.advance(FAREWELL_MS - 1);
  book.set(
    new Map([
      [1, "a"],
      [3, "moved"],
    ]),
  );
  expect(inForce()).toEqual({ 1: "a", 2: "b", 3: "moved" });
  clock.advance(FAREWELL_MS);
  expect(inForce()).toEqual({ 1: "a", 3: "moved" });
  expect(clock.pendingTimers).toBe(0);
});

test("an address that the transport does not take is said aloud; the server keeps the one it had, the others go on", () => {
  book.open(
    new Map([
      [1, "a"],
      [2, "b"],
    ]),
  );
  book.set(
    new Map([
      [1, "not an address"],
      [2, "moved"],
      [3, "nor this"],
      [4, "d"],
    ]),
  );
  expect(inForce()).toEqual({ 1: "a", 2: "moved", 4: "d" });
  expect(errors).toEqual([
    expect.stringContaining('server 1, "not an address": bad'),
    expect.stringContaining('server 3, "nor this": bad'),
  ]);
  book.set(
    new Map([
      [1, "a2"],
      [2, "moved"],
      [3, "c"],
      [4, "d"],
    ]),
  );
  expect(inForce()).toEqual({ 1: "a2", 2: "moved", 3: "c", 4: "d" });
});

test("whose address has not changed is never without one, whatever the others have", () => {
  book.open(
    new Map([
      [1, "a"],
      [2, "b"],
    ]),
  );
  book.set(
    new Map([
      [1, "a"],
      [2, "not an address"],
    ]),
  );
  for (const peers of calls) expect(peers.get(1)).toBe("a");
});

test("addresses that an operator has just given are refused at once", () => {
  expect(() => book.open(new Map([[1, "not an address"]]))).toThrow(RangeError);
});

test("nothing is left to do once it is closed", () => {
  book.open(new Map([[1, "a"]]));
  book.set(new Map());
  book.close();
  expect(clock.pendingTimers).toBe(0);
});
