import { expect, test } from "vitest";
import { Ticker } from "../src/ticker.ts";
import { ManualClock } from "./support/manual-clock.ts";

function startTicker() {
  const clock = new ManualClock();
  const ticks: number[] = [];
  const ticker = new Ticker(clock, 25, () => void ticks.push(clock.now()));
  ticker.start();
  return { clock, ticks, ticker };
}

test("ticks keep their pace, and stop when told to", () => {
  const { clock, ticks, ticker } = startTicker();
  clock.advance(100);
  expect(ticks).toEqual([25, 50, 75, 100]);
  ticker.stop();
  clock.advance(100);
  expect(ticks).toHaveLength(4);
});

test("a tick that is a little late does not delay those after it", () => {
  const { clock, ticks } = startTicker();
  clock.stall(40);
  clock.advance(35);
  expect(ticks).toEqual([40, 50, 75]);
});

test("a stall counts as one tick, one turn of the event loop later, and the pace goes on from there", () => {
  const { clock, ticks } = startTicker();
  clock.stall(3000);
  expect(ticks).toEqual([]);
  clock.advance(100);
  expect(ticks).toEqual([3000, 3025, 3050, 3075, 3100]);
});

test("no timer is asked for in the past, even if the thread sleeps between two questions for the time", () => {
  const times = [0, 25, 50, 300];
  const asked: number[] = [];
  const timers: (() => void)[] = [];
  const clock = {
    now: () => times.shift() ?? 300,
    after: (ms: number, run: () => void) => {
      asked.push(ms);
      timers.push(run);
      return () => {};
    },
  };
  new Ticker(clock, 50, () => {}).start();
  timers[0]?.();
  // It was asked at 0 when to begin, at 25 what is left, at 50 whether that is late, and at 300 how long the next one takes.
  expect(asked).toEqual([25, 0]);
});
