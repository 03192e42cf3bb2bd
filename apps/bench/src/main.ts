import { UsageError, helpText, parseArguments } from "./args.ts";
import { bench } from "./bench.ts";
import { MEASUREMENTS } from "./measurements/index.ts";

/** The command `pnpm bench`. Ends with 1 if an answer was wrong, with 2 if it was called wrongly. */
export async function run(argv: readonly string[]): Promise<void> {
  try {
    const args = parseArguments(argv, MEASUREMENTS);
    if (args.help) process.stdout.write(helpText(MEASUREMENTS));
    else await bench(args, process.stdout);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`bench: ${isUsage || !(error instanceof Error) ? String(error) : error.stack}\n`);
    // Servers that were started are gone by now; a connection that is not must not keep the process.
    process.exit(isUsage ? 2 : 1);
  }
}
