import { expect, test } from "vitest";
import { slowFollowers } from "./slow-followers/slow-followers.ts";

// Ten minutes, and the figures: pnpm slow-followers
test("with one dead and one slow follower of five no put fails, the leader goes on to lead, and its memory is measured", async () => {
  const { samples, growth, acknowledged, sentToSlow, problems } = await slowFollowers({
    durationMs: 4000,
    sampleMs: 1000,
    slowBytesPerSecond: 5000,
    clients: 32,
    // An election has to have another reason than a machine that is busy for a second.
    flags: ["--snapshot-bytes", "100000", "--election-timeout-ms", "5000"],
    onSample: () => {},
  });
  expect(problems).toEqual([]);
  expect(acknowledged).toBeGreaterThan(0);
  expect(sentToSlow).toBeGreaterThan(0);
  expect(samples).toHaveLength(4);
  for (const { memory } of samples) {
    expect(memory.heapBytes).toBeGreaterThan(2 ** 20);
    expect(memory.residentBytes).toBeGreaterThan(memory.heapBytes);
  }
  // It was really slow: what was acknowledged had not reached it.
  expect(samples.at(-1)?.lag).toBeGreaterThan(0);
  expect(Number.isFinite(growth.heapBytes)).toBe(true);
}, 120_000);
