import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packageOf, type Mutant } from "./mutant.ts";
import { runNode } from "./processes.ts";

/** Something that passes on the sources as they are and should fail on a mutant. */
export interface Killer {
  readonly name: string;
  /** A package that it cannot do without, to find out whether it looks at the copy at all. */
  readonly uses: string;
  readonly run: (root: string, limitSeconds: number) => Promise<Verdict>;
}

export interface Verdict {
  /** What failed; null if nothing did. */
  readonly failure: string | null;
  readonly seconds: number;
}

/** A test that takes this long hangs. None takes a third of it on the sources as they are. */
const TEST_LIMIT_MS = 20_000;

/** Few seeds find most bugs. The others get many, after the tests. */
const SIMULATE_BRIEFLY = simulate("simulate, 150 seeds", 1, 150);
const SIMULATE_LONG = simulate("simulate, 5,000 seeds", 151, 4850);

/** For each package, what is to find its bugs: cheapest first. */
const KILLERS: Readonly<Record<string, readonly Killer[]>> = {
  core: [SIMULATE_BRIEFLY, tests("core"), tests("simulation"), SIMULATE_LONG],
  runtime: [tests("runtime"), tests("kv")],
  "storage-memory": [tests("storage-memory"), tests("runtime")],
  "storage-wal": [tests("storage-wal")],
  "transport-connect": [tests("transport-connect")],
  "transport-memory": [tests("transport-memory"), tests("runtime")],
  kv: [tests("kv")],
};

/** Throws if the mutant's package has none. */
export function killersOf(mutant: Mutant): readonly Killer[] {
  const killers = KILLERS[packageOf(mutant)];
  if (killers === undefined) throw new Error(`${mutant.id}: nothing is known to test ${packageOf(mutant)}`);
  return killers;
}

function simulate(name: string, first: number, runs: number): Killer {
  return {
    name,
    uses: "core",
    run: async (root, limitSeconds) => {
      const args = ["-C", "@eraft/source", "mutants/killers/simulate.ts", String(first), String(runs)];
      const { exitCode, output, seconds } = await runNode(args, root, limitSeconds);
      if (exitCode === 0) return { failure: null, seconds };
      const what = exitCode === null ? "hangs" : (/^seed .*$/m.exec(output)?.[0] ?? "cannot start");
      return { failure: `simulate: ${what}`, seconds };
    },
  };
}

function tests(name: string): Killer {
  return {
    name: `tests of ${name}`,
    uses: name,
    run: async (root, limitSeconds) => {
      const report = join(root, "vitest-report.json");
      rmSync(report, { force: true });
      const args = [
        "node_modules/vitest/vitest.mjs",
        "run",
        `packages/${name}/test`,
        "--bail=1",
        "--maxWorkers=1",
      ];
      const options = ["--reporter=json", `--outputFile=${report}`, `--testTimeout=${TEST_LIMIT_MS}`];
      const { exitCode, seconds } = await runNode([...args, ...options], root, limitSeconds);
      if (exitCode === 0) return { failure: null, seconds };
      return { failure: `${name}: ${exitCode === null ? "hangs" : firstFailure(report)}`, seconds };
    },
  };
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function firstFailure(path: string): string {
  const { testResults } = JSON.parse(readFileSync(path, "utf8")) as Report;
  for (const { assertionResults } of testResults) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed !== undefined) return failed.fullName;
  }
  const broken = testResults.find(({ status }) => status === "failed");
  return broken === undefined ? "an error outside any test" : (broken.message.split("\n")[0] ?? broken.name);
}
