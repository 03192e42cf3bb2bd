// pnpm fuzz: bad input of every kind against a live node. See --help.
import { parseArgs } from "node:util";
import { campaign } from "./campaign.ts";

const HELP = `Fires bad input at a live node: structured messages, protobuf, envelopes, headers, frames, bytes.

  pnpm fuzz [--inputs N] [--seed S] [--chunk C]
      Default: 1,000,000 inputs, a random S, and a look at the node after every 20,000: it must be alive and unchanged, and hold
      nothing open. A failure names the input and the seed.`;

/** Generous: 17 bytes for each of a million inputs. */
const MAX_GROWTH_BYTES = 16 * 2 ** 20;

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "1000000" },
    seed: { type: "string" },
    chunk: { type: "string", default: "20000" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else await fuzz();

async function fuzz(): Promise<void> {
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : count("seed", values.seed, 0);
  const inputs = count("inputs", values.inputs, 1);
  const chunk = count("chunk", values.chunk, 1);
  console.log(`seed ${seed}: ${number(inputs)} inputs`);
  const { counts, seconds, inspections } = await campaign({
    seed,
    inputs,
    chunk,
    onChunk: (done, { heapBytes, rssBytes }) => {
      console.log(`${number(done).padStart(12)}   heap ${mib(heapBytes)}   resident ${mib(rssBytes)}`);
    },
  });
  for (const [kind, statuses] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const text = [...statuses].map(([status, times]) => `${status}: ${number(times)}`).join("   ");
    console.log(`  ${kind.padEnd(56)} ${text}`);
  }
  const [first, last] = [inspections[0], inspections.at(-1)];
  console.log(`${number(inputs)} inputs in ${seconds.toFixed(1)} s: ${number(inputs / seconds)} a second`);
  if (first !== undefined && last !== undefined) {
    if (last.heapBytes - first.heapBytes > MAX_GROWTH_BYTES) {
      console.log(`FAILED: the heap has grown by more than ${mib(MAX_GROWTH_BYTES)}`);
      process.exitCode = 1;
    }
    console.log(`heap ${mib(first.heapBytes)} after the first chunk, ${mib(last.heapBytes)} after the last`);
    console.log(`the node is alive and unchanged, nothing is open: ${last.state}`);
  }
}

function count(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  console.error(`--${name} ${text}: an integer from ${min} on is needed`);
  process.exit(2);
}

function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
