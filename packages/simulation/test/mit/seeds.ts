/** Seeds that each scenario gets in a test run; `pnpm mit` takes many more. */
const SEEDS = 3;

/**
 * The seeds of this test run: other ones each time, or those from the environment variable ERAFT_SEED on. Printed, so that whoever sees a
 * failure can have it again.
 */
export function drawSeeds(): readonly number[] {
  const fixed = process.env["ERAFT_SEED"];
  const base = fixed === undefined ? Math.floor(Math.random() * 1e9) : Number(fixed);
  if (!Number.isSafeInteger(base) || base < 0)
    throw new RangeError(`ERAFT_SEED is ${fixed}, not a whole number`);
  console.log(`seeds ${base} to ${base + SEEDS - 1}; again with ERAFT_SEED=${base}`);
  return Array.from({ length: SEEDS }, (_, at) => base + at);
}
