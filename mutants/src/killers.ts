import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { packageOf, type Mutant } from "./mutant.ts";
import { runNode } from "./processes.ts";

/** Something that passes on the sources as they are and should fail on a mutant. */
export interface Killer {
  readonly name: string;
  /** A package that it cannot do without, to find out whether it looks at the copy at all. */
  readonly uses: string;
  readonly run: (root: string, limitSeconds: number) => Promise<Verdict>;
  /** The same, of one of its test files; null if it has no such file: in the copy, another one may fail without any mutant. */
  readonly ofFile?: (file: string) => Pick<Killer, "run"> | null;
}

export interface Verdict {
  /** What failed; null if nothing did. */
  readonly failure: string | null;
  /** The test file that noticed, from the root of the repository; null if it was something else. */
  readonly file: string | null;
  readonly seconds: number;
}

/** A test that takes this long hangs. All pass with it on the sources as they are, or the run ends. */
const TEST_LIMIT_MS = 15_000;

/** Few seeds find most bugs. The others get many, after the tests. */
const CORES = simulate("cores", 1, 150);
const MORE_CORES = simulate("cores", 151, 5000);
const WHOLE = simulate("whole", 1, 30);
const MORE_WHOLE = simulate("whole", 31, 1000);

/** The tests of the command line that start no processes: those run what was built, which in the copy nothing is. */
const WITHOUT_PROCESSES = [
  "admin-look",
  "bad-command-line",
  "batch-input",
  "completion",
  "disks",
  "dump",
  "either-contract",
  "foreign-members",
  "foreign-node",
  "format",
  "level-dirs",
  "level-state",
  "logger",
  "member-goals",
  "member-pursuit",
  "members",
  "open-calls",
  "presentation",
  "recover",
  "reset",
  "text",
  "unreachable",
  "usage",
].map((name) => `apps/node/test/${name}.test.ts`);

/** For each package, what is to find its bugs: cheapest first. */
const KILLERS: Readonly<Record<string, readonly Killer[]>> = {
  core: [CORES, tests("core"), WHOLE, tests("simulation"), MORE_CORES],
  runtime: [tests("runtime"), WHOLE, tests("kv"), MORE_WHOLE],
  kv: [tests("kv"), WHOLE, MORE_WHOLE],
  "storage-memory": [tests("storage-memory"), tests("runtime")],
  "storage-wal": [tests("storage-wal")],
  "storage-level": [tests("storage-level")],
  "transport-memory": [tests("transport-memory"), tests("runtime")],
  http2: [tests("http2", "http2"), tests("transport-connect", "http2")],
  "transport-connect": [tests("transport-connect")],
  node: [tests("node", "kv", WITHOUT_PROCESSES)],
  bench: [tests("bench", "core", ["apps/bench/test/report.test.ts", "apps/bench/test/wire.test.ts"])],
};

/** Throws if the mutant's package has none. */
export function killersOf(mutant: Mutant): readonly Killer[] {
  const killers = KILLERS[packageOf(mutant)];
  if (killers === undefined) throw new Error(`${mutant.id}: nothing is known to test ${packageOf(mutant)}`);
  return killers;
}

/** Bare cores, which the simulator crashes at any point, or whole servers with their clients, under the same faults and more. */
function simulate(what: "cores" | "whole", first: number, last: number): Killer {
  return {
    name: `simulate ${what}, seeds ${first} to ${last}`,
    uses: "core",
    run: async (root, limitSeconds) => {
      const runs = String(last - first + 1);
      const args = ["-C", "@eraft/source", "mutants/killers/simulate.ts", what, String(first), runs];
      const { exitCode, output, seconds } = await runNode(args, root, limitSeconds);
      if (exitCode === 0) return { failure: null, file: null, seconds };
      const failure = exitCode === null ? "hangs" : (/^seed .*$/m.exec(output)?.[0] ?? "cannot start");
      return { failure: `simulate ${what}: ${failure}`, file: null, seconds };
    },
  };
}

function tests(name: string, uses = name, files: readonly string[] = [`packages/${name}/test`]): Killer {
  /** How long each file takes, known after the first run without a mutant. */
  let fileSeconds: Readonly<Record<string, number>> = {};
  return {
    name: `tests of ${name}`,
    uses,
    run: async (root, limitSeconds) => {
      const { verdict, results } = await runTests(name, root, { files, fileSeconds, limitSeconds });
      if (verdict.failure === null) fileSeconds = secondsOfFiles(root, results);
      return verdict;
    },
    ofFile: (file) => {
      if (!files.some((one) => file === one || file.startsWith(`${one}/`))) return null;
      return {
        run: async (root, limitSeconds) =>
          (await runTests(name, root, { files: [file], fileSeconds, limitSeconds })).verdict,
      };
    },
  };
}

interface TestRun {
  readonly files: readonly string[];
  /** What is known of how long each file takes: the quick ones go first. */
  readonly fileSeconds: Readonly<Record<string, number>>;
  readonly limitSeconds: number;
}

async function runTests(
  name: string,
  root: string,
  { files, fileSeconds, limitSeconds }: TestRun,
): Promise<{ readonly verdict: Verdict; readonly results: readonly FileReport[] }> {
  const path = join(root, "vitest-report.json");
  rmSync(path, { force: true });
  writeFileSync(join(root, "vitest-seconds.json"), JSON.stringify(fileSeconds));
  const what = ["run", ...files, "--config=mutants/killers/vitest.config.ts"];
  const options = [
    "--bail=1",
    "--maxWorkers=1",
    `--testTimeout=${TEST_LIMIT_MS}`,
    `--hookTimeout=${TEST_LIMIT_MS}`,
  ];
  const report = ["--reporter=json", `--outputFile=${path}`];
  const args = ["node_modules/vitest/vitest.mjs", ...what, ...options, ...report];
  const { exitCode, seconds } = await runNode(args, root, limitSeconds);
  const results = exitCode === null ? [] : readReport(path);
  if (exitCode === null) return { verdict: { failure: `${name}: hangs`, file: null, seconds }, results };
  if (exitCode === 0) return { verdict: { failure: null, file: null, seconds }, results };
  const { failure, file } = firstFailure(results);
  return {
    verdict: { failure: `${name}: ${failure}`, file: file === null ? null : relative(root, file), seconds },
    results,
  };
}

/** What Vitest's reporter says of one file. */
interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
}

/** Empty if the tests did not even begin. */
function readReport(path: string): readonly FileReport[] {
  if (!existsSync(path)) return [];
  return (JSON.parse(readFileSync(path, "utf8")) as { testResults: FileReport[] }).testResults;
}

function secondsOfFiles(root: string, results: readonly FileReport[]): Record<string, number> {
  return Object.fromEntries(
    results.map(({ name, startTime, endTime }) => [relative(root, name), (endTime - startTime) / 1000]),
  );
}

function firstFailure(files: readonly FileReport[]): { failure: string; file: string | null } {
  for (const { name, assertionResults } of files) {
    const failed = assertionResults.find(({ status }) => status === "failed");
    if (failed !== undefined) return { failure: failed.fullName, file: name };
  }
  const broken = files.find(({ status }) => status === "failed");
  if (broken === undefined) return { failure: "an error outside any test", file: null };
  return { failure: broken.message.split("\n")[0] ?? broken.name, file: broken.name };
}
