import { beforeEach, expect, test } from "vitest";
import { OpenCalls } from "../src/server/open-calls.ts";

interface Timer {
  readonly atMs: number;
  readonly fn: () => void;
}

/** Time that passes when a test says so. */
class Clock {
  #nowMs = 1000;
  #timers: Timer[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      this.#nowMs += 1;
      const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
      this.#timers = this.#timers.filter((timer) => !due.includes(timer));
      for (const { fn } of due) fn();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

let clock: Clock;
let calls: OpenCalls;
let isQuiet: boolean;

beforeEach(() => {
  clock = new Clock();
  calls = new OpenCalls(clock);
  isQuiet = false;
});

function listen(): void {
  void calls.quiet(50, 300).then(() => (isQuiet = true));
}

function begin(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  void calls.track(promise);
  return resolve;
}

test("it is quiet when no call has begun for a while", async () => {
  begin()();
  await clock.pass(1000);
  listen();
  await clock.pass(49);
  expect(isQuiet).toBe(false);
  await clock.pass(1);
  expect(isQuiet).toBe(true);
});

test("each call that begins makes it longer, but not for ever", async () => {
  listen();
  for (let call = 0; call < 4; call++) {
    await clock.pass(40);
    begin()();
  }
  await clock.pass(49);
  expect(isQuiet).toBe(false);
  await clock.pass(1);
  expect(isQuiet).toBe(true);

  isQuiet = false;
  listen();
  for (let call = 0; call < 7; call++) {
    await clock.pass(40);
    begin()();
  }
  expect(isQuiet).toBe(false);
  await clock.pass(20);
  expect(isQuiet).toBe(true);
});

test("a call that is under way is waited for, but not for ever", async () => {
  const end = begin();
  listen();
  await clock.pass(120);
  expect(isQuiet).toBe(false);
  end();
  await clock.pass(5);
  expect(isQuiet).toBe(true);

  isQuiet = false;
  begin();
  listen();
  await clock.pass(299);
  expect(isQuiet).toBe(false);
  await clock.pass(1);
  expect(isQuiet).toBe(true);
});
