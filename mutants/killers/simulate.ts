// Runs the simulator on seeds one after the other until one fails, and says on its last line which and why.
import { run, Violation } from "@eraft/simulation";

const [first = 1, runs = 100, events = 3000] = process.argv.slice(2).map(Number);

function failureOf(seed: number): string | null {
  try {
    run({ seed, events });
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.property;
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}

for (let seed = first; seed < first + runs; seed += 1) {
  const failure = failureOf(seed);
  if (failure === null) continue;
  console.log(`seed ${seed}: ${failure}`);
  process.exitCode = 1;
  break;
}
