import { setFlagsFromString, getHeapSpaceStatistics } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { Backlog } from "../src/backlog.ts";
import { Requests } from "../src/requests.ts";
import { ManualClock } from "./support/manual-clock.ts";

const UNDER_WAY = 500;
const REQUESTS = 60_000;
const ANSWER_NUMBERS = 64;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as (options?: { readonly type: "minor" | "major" }) => void;

function oldBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === "old_space")?.space_used_size ?? 0;
}

test("a request that was answered does not grow old with what belongs to it", async () => {
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
  // Each of them has more than 600 bytes. Collections of everything are the only ones that would make less of what is old.
  expect(oldBytes() - before).toBeLessThan(REQUESTS * 100);
  expect(requests.size).toBe(UNDER_WAY);
});
