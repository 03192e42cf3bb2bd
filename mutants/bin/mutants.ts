// pnpm mutants: puts each bug of the list into a copy of the sources and waits for somebody to notice. See --help.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MUTANTS } from "../list/index.ts";
import { MutantError, mutated } from "../src/apply.ts";
import { Baselines, Examiner, type Result } from "../src/examine.ts";
import { Memory } from "../src/memory.ts";
import type { Mutant } from "../src/mutant.ts";
import { summaryOf, tableOf } from "../src/table.ts";

const HELP = `Puts each seeded bug into a copy of the sources, and lets simulator and tests find it.

  pnpm mutants [--only PATTERN] [--jobs N] [--write [--again]] [--list]
      --only   the mutants whose id matches this regular expression
      --jobs   how many to examine at a time, each in a copy of its own (default 2)
      --write  examines those that have changed, or whose code has, since they were examined last; keeps as it goes what became of each in
               mutants/examined.json, so that a run that was ended can be gone on with; and writes mutants/TABLE.md
      --again  with --write: the others, too
      --list   prints the ids and does nothing

  Exit code 1 if one survives, 2 if the run says nothing: a mutant no longer fits the sources, or a killer fails without any.`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    jobs: { type: "string", default: "2" },
    write: { type: "boolean", default: false },
    again: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const ROOT = join(import.meta.dirname, "../..");
const pattern = new RegExp(values.only ?? "");
const mutants = MUTANTS.filter(({ id }) => pattern.test(id));

if (values.help) console.log(HELP);
else if (values.list) for (const { id, bug } of mutants) console.log(`${id.padEnd(48)} ${bug}`);
else await main();

async function main(): Promise<void> {
  const jobs = Number(values.jobs);
  if (!Number.isSafeInteger(jobs) || jobs < 1)
    return refuse(`--jobs ${values.jobs}: an integer from 1 on is needed`);
  if (values.again && !values.write) return refuse("--again belongs to --write");
  if (mutants.length === 0) return refuse(`no mutant's id matches ${pattern.source}`);
  try {
    // All of them before the first one, so that nobody waits for half an hour to hear of it.
    for (const mutant of MUTANTS) mutated(ROOT, mutant);
    const memory = new Memory(ROOT);
    const isNews = (mutant: Mutant): boolean =>
      !values.write || values.again || memory.examined(mutant) === null;
    const { results, invalid } = await examineAll(mutants.filter(isNews), jobs, memory);
    console.log(summaryOf(results));
    if (results.some(({ killedBy }) => killedBy === null)) process.exitCode = 1;
    if (values.write) writeTable(memory);
    if (invalid > 0) return refuse(`${invalid} mutants are none`);
  } catch (error) {
    refuse(String(error));
  }
}

/** Of all that is known, whichever run has found it out. */
function writeTable(memory: Memory): void {
  const rows = MUTANTS.map((mutant) => ({ mutant, examined: memory.examined(mutant) }));
  writeFileSync(join(ROOT, "mutants/TABLE.md"), tableOf(rows));
  if (rows.some(({ examined }) => examined?.killedBy === null)) process.exitCode = 1;
}

interface Outcome {
  /** In the order of the list, whatever the order in which they ended. */
  readonly results: readonly Result[];
  readonly invalid: number;
}

async function examineAll(all: readonly Mutant[], jobs: number, memory: Memory): Promise<Outcome> {
  const results: (Result | null)[] = [];
  const waiting = [...all.entries()];
  const baselines = new Baselines((line) => console.log(line));
  const work = async (): Promise<void> => {
    const examiner = new Examiner(ROOT, baselines, memory);
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [at, mutant] = next;
        const result = await examineOne(examiner, mutant);
        results[at] = result;
        if (!values.write || result === null) continue;
        memory.learn(mutant, result);
        memory.write(MUTANTS);
      }
    } finally {
      // Nothing is left for the others either, if this one failed.
      waiting.length = 0;
      examiner.remove();
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, all.length) }, work));
  const valid = results.filter((result) => result !== null);
  return { results: valid, invalid: all.length - valid.length };
}

/** Null if `mutant` is no program. */
async function examineOne(examiner: Examiner, mutant: Mutant): Promise<Result | null> {
  try {
    const result = await examiner.examine(mutant);
    const { killedBy, seconds } = result;
    console.log(`${seconds.toFixed(1).padStart(6)} s  ${mutant.id.padEnd(44)} ${killedBy ?? "SURVIVES"}`);
    return result;
  } catch (error) {
    if (!(error instanceof MutantError)) throw error;
    console.log(`INVALID   ${error.message}`);
    return null;
  }
}

function refuse(message: string): void {
  console.error(message);
  process.exitCode = 2;
}
