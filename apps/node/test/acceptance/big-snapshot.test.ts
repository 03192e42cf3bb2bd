import { expect, test } from "vitest";
import { bigSnapshot } from "./big-snapshot/big-snapshot.ts";

const MIB = 2 ** 20;

// 256 MiB, a thousand puts a second, and the latencies: pnpm big-snapshot
test("a snapshot goes on where its link broke off, nobody stands for election, and no put fails", async () => {
  const { sizeBytes, sentBytes, cuts, elections, before, during, problems } = await bigSnapshot({
    sizeBytes: 32 * MIB,
    putsPerSecond: 50,
    beforeMs: 500,
    // What is under way at a cut is lost, up to 4 MiB: 1.4 times as much at worst. Begun anew each time, it would be 1.75 times.
    maxSentShare: 1.6,
    // An election has to have another reason than a machine that is busy for a second.
    flags: ["--snapshot-bytes", String(8 * MIB), "--election-timeout-ms", "5000"],
    say: () => {},
  });
  expect(problems).toEqual([]);
  expect({ cuts, elections }).toEqual({ cuts: 3, elections: 0 });
  expect(sentBytes).toBeGreaterThan(0.9 * sizeBytes);
  expect(before.length).toBeGreaterThan(0);
  expect(during.length).toBeGreaterThan(0);
}, 240_000);
