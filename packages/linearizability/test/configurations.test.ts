import { expect, test } from "vitest";
import {
  checkLinearizable,
  createRegisterModel,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
} from "../src/index.ts";
import { ConfigurationSet } from "../src/configurations.ts";
import { Random } from "./random.ts";

const model = { hash: (state: number) => state, equals: (a: number, b: number) => a === b };

test("configurations whose hashes collide are still told apart", () => {
  // Of 300,000 values of 32 bits, about ten pairs are equal.
  const set = new ConfigurationSet(model, 2, 0);
  const random = new Random(1);
  const distinct = new Map<string, Int32Array>();
  while (distinct.size < 300_000) {
    const slotBits = Int32Array.of(random.next() * 2 ** 32, random.next() * 2 ** 32);
    distinct.set(slotBits.join(), slotBits);
  }
  const add = (slotBits: Int32Array): boolean =>
    set.add({ firstReturning: 1, slotBits, unknownBits: new Int32Array(0), state: 7 });
  for (const slotBits of distinct.values()) if (!add(slotBits)) throw new Error(`${slotBits.join()} is new`);
  for (const slotBits of distinct.values())
    if (add(slotBits)) throw new Error(`${slotBits.join()} was there`);
  expect(set.size).toBe(300_000);
});

test("a configuration is covered by one that has spent fewer unknown outcomes, not by one that has spent others or more", () => {
  const set = new ConfigurationSet(model, 1, 1);
  const add = (unknown: number, state = 0, firstReturning = 1): boolean =>
    set.add({ firstReturning, slotBits: Int32Array.of(5), unknownBits: Int32Array.of(unknown), state });
  expect(add(0b011)).toBe(true);
  expect(add(0b011)).toBe(false);
  expect(add(0b111)).toBe(false);
  expect(add(0b110)).toBe(true);
  expect(add(0b001)).toBe(true);
  expect(add(0b101)).toBe(false);
  expect(add(0b111, 1)).toBe(true);
  expect(add(0b111, 0, 2)).toBe(true);
  expect(set.size).toBe(5);
});

const write = (client: number, value: number): Operation<RegisterInput, RegisterOutput> => ({
  client,
  call: client,
  return: 10 + client,
  input: { type: "write", value },
  outcome: "ok",
  output: null,
});
const cas = (
  client: number,
  call: number,
  expected: number,
  output: boolean,
): Operation<RegisterInput, RegisterOutput> => ({
  client,
  call,
  return: call + 1,
  input: { type: "cas", expected, value: 9 },
  outcome: "ok",
  output,
});

test("a model with the worst hash there is gets the same verdict", () => {
  const constant = { ...createRegisterModel(), hash: () => 0 };
  // All writes are done before the first cas, in whatever order: only the state tells the configurations apart.
  for (const last of [1, 2, 3, 4]) {
    const history = [write(1, 1), write(2, 2), write(3, 3), write(4, 4), cas(5, 20, last, true)];
    expect(checkLinearizable(constant, history).verdict).toBe("linearizable");
    expect(checkLinearizable(constant, [...history, cas(6, 30, 9, false)]).verdict).toBe("illegal");
  }
});
