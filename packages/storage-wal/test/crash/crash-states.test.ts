import { expect, test } from "vitest";
import { explore, newTally } from "./explore.ts";

/** A new one in each run; a failure names it. `pnpm crash-states` goes through far more. */
const seed = Math.floor(Math.random() * 1e9);

test(`a power loss at any point, recovery included, leaves what was acknowledged and nothing else (seed ${seed})`, async () => {
  const tally = newTally();
  const enough = (): boolean => tally.images >= 2000;
  for (let next = seed; !enough(); next += 1) await explore(next, tally, enough);
  // Guards the test itself: an enumeration that found nothing to lose would prove nothing.
  expect(tally.kinds.get("found: what was acknowledged")).toBeGreaterThan(200);
  expect(tally.kinds.get("found: also what was under way")).toBeGreaterThan(200);
  expect(tally.kinds.get("cleaned: wiped a torn tail")).toBeGreaterThan(20);
});
