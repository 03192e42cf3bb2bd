import { setFlagsFromString, getHeapSpaceStatistics } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Backlog } from "../src/backlog.ts";
import { Requests } from "../src/requests.ts";
import { ManualClock } from "./support/manual-clock.ts";

const UNDER_WAY = 500;
const REQUESTS = 60_000;
const ANSWER_NUMBERS = 64;
/** Of each request, 200 are kept if its promise is. */
const ENOUGH_BYTES = 100;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as (options?: { readonly type: "minor" | "major" }) => void;

function oldBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === "old_space")?.space_used_size ?? 0;
}

/** Bytes that have grown old for each request, of many that were answered. */
async function grownOld(): Promise<number> {
  const requests = new Requests(new Backlog(new ManualClock(), 1000));
  const ids: number[] = [];
  gc({ type: "major" });
  const before = oldBytes();
  for (let done = 0; done < REQUESTS; done += 1) {
    const { id, promise } = requests.open(undefined, { effect: "command" });
    // Who waits has things that it waits with.
    const own = Array.from({ length: ANSWER_NUMBERS }, () => done);
    void promise.then((result) => own.push(Number(result)));
    ids.push(id);
    if (ids.length > UNDER_WAY) requests.resolve(ids.shift() ?? 0, 0);
    // Often, until what the requests are kept in is old. Then so rarely that none is under way during two of them, which is how things grow old that should.
    if (done % (done < 4 * UNDER_WAY ? UNDER_WAY / 5 : 3 * UNDER_WAY) === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      gc({ type: "minor" });
    }
  }
  expect(requests.size).toBe(UNDER_WAY);
  // Collections of everything are the only ones that would make less of what is old.
  return (oldBytes() - before) / REQUESTS;
}

test("a request that was answered does not grow old with what belongs to it", async () => {
  let leastBytes = Number.POSITIVE_INFINITY;
  // V8 collects when it likes, too. Where that falls between two of ours, what is under way grows old as it should, and the attempt says nothing. What is kept grows old in all of them.
  for (let attempt = 0; attempt < 12 && leastBytes > ENOUGH_BYTES; attempt += 1) {
    leastBytes = Math.min(leastBytes, await grownOld());
  }
  expect(leastBytes).toBeLessThan(ENOUGH_BYTES);
});
