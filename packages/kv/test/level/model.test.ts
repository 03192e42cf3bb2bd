import { KvStateMachine } from "@eraft/kv";
import { LevelKvStateMachine } from "@eraft/kv/level";
import { describe, expect, test } from "vitest";
import { concat, pieces, snapshotOf } from "../support/commands.ts";
import { LevelDevice } from "./crash-level.ts";
import { LIMITS, Pair } from "./pair.ts";

const STEPS = 120;

describe("a state on a disk that is crashed at any point gives what one in memory gives", () => {
  test.each([1, 2, 3, 4, 5, 6])("seed %i", async (seed) => {
    const pair = new Pair(seed);
    await pair.reopen();
    for (let step = 0; step < STEPS; step++) {
      await pair.propose(1 + pair.below(10));
      if (pair.below(3) > 0) await pair.catchUp();
      switch (pair.below(6)) {
        case 0:
          await pair.crash();
          break;
        case 1:
          if (pair.below(4) === 0) await pair.install();
          break;
        case 2:
          await pair.catchUp();
          await pair.compare();
          break;
        case 3:
          if (pair.below(4) > 0) break;
          await pair.level.close();
          await pair.reopen();
          break;
      }
    }
    await pair.catchUp();
    await pair.compare();
    expect(pair.crashes).toBeGreaterThan(5);
    expect(pair.replayed).toBeGreaterThan(0);
    await pair.level.close();
  });
});

test("a view that is read slowly stays what it was, whatever is applied and written meanwhile", async () => {
  const pair = new Pair(7);
  await pair.reopen();
  await pair.propose(200);
  await pair.catchUp();
  const expected = await snapshotOf(pair.memory);
  const view = pair.level.snapshot();
  for (let round = 0; round < 20; round++) {
    await pair.propose(20);
    await pair.catchUp();
  }
  const read: Uint8Array[] = [];
  for await (const chunk of view) {
    read.push(chunk);
    await pair.propose(5);
    await pair.catchUp();
  }
  expect(concat(read)).toEqual(expected);
  await pair.level.close();
});

test("a machine in memory takes the snapshot of one on a disk, and the other way, and both go on alike", async () => {
  const pair = new Pair(8);
  await pair.reopen();
  await pair.propose(300);
  await pair.catchUp();
  const snapshot = await snapshotOf(pair.level);
  const copy = new KvStateMachine(LIMITS);
  await copy.restore(pieces(snapshot, 999), 300);
  const device = new LevelDevice();
  const other = new LevelKvStateMachine({ db: device.database(), ...LIMITS });
  await other.open();
  await other.restore(pieces(await snapshotOf(copy), 77), 300);
  await pair.propose(100);
  const rest = pair.log.slice(300);
  const results = await pair.level.apply(rest);
  expect(await copy.apply(rest)).toEqual(results);
  expect(await other.apply(rest)).toEqual(results);
  expect(await snapshotOf(other)).toEqual(await snapshotOf(copy));
  await Promise.all([pair.level.close(), other.close()]);
});
