// Runs the simulator on seeds one after the other until one fails, and says on its last line which and why.
import { run, runWhole, Violation } from "@eraft/simulation";

const [what, ...numbers] = process.argv.slice(2);
const [first = 1, runs = 100] = numbers.map(Number);

/** Of a promise that nobody waits for, only the process hears. */
const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));

async function simulate(seed: number): Promise<void> {
  if (what !== "whole") return void run({ seed, events: 3000 });
  await runWhole({ seed, events: 3000 });
  if (unhandled.length > 0)
    throw new Error("a promise was rejected and nobody noticed", { cause: unhandled[0] });
}

async function failureOf(seed: number): Promise<string | null> {
  try {
    await simulate(seed);
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.property;
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

for (let seed = first; seed < first + runs; seed += 1) {
  const failure = await failureOf(seed);
  if (failure === null) continue;
  console.log(`seed ${seed}: ${failure}`);
  // Whatever the broken servers still do, nobody waits for it.
  process.exit(1);
}
process.exit(0);
