import { expect, test } from "vitest";
import { campaign } from "./campaign.ts";
import { RAFT_ROWS } from "./raft-inputs.ts";

/** A new one in each run; a failure names it. `pnpm fuzz` fires far more. */
const seed = Math.floor(Math.random() * 1e9);

// Seconds when the machine is free. The limit is there for what hangs, and every wait inside has a shorter one that says what hangs.
test(`bad input gets the documented status, changes nothing and leaves nothing behind (seed ${seed})`, async () => {
  const { counts, inspections } = await campaign({ seed, inputs: 8000, chunk: 2000, silenceMs: 300 });
  const rows = [...counts.keys()].filter((kind) => /^(?:vote|append|snapshot): /.test(kind));
  expect(rows).toHaveLength(RAFT_ROWS);
  expect([...counts.keys()].filter((kind) => kind.startsWith("kv.v1: "))).toHaveLength(9);
  const [first, last] = [inspections[0], inspections.at(-1)];
  // Generous: 6,000 inputs that each left a kilobyte behind would be more.
  expect((last?.heapBytes ?? Infinity) - (first?.heapBytes ?? 0)).toBeLessThan(5 * 2 ** 20);
}, 300_000);
