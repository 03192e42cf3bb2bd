// The repository's own configuration, but for the order of the test files.
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { mergeConfig, type ViteUserConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Quick files first: what kills a mutant ends the run. Vitest's own order is the opposite, and puts first what failed last time, which here was
 * another mutant.
 */
class QuickFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const seconds = JSON.parse(readFileSync("vitest-seconds.json", "utf8")) as Record<string, number>;
    const of = ({ moduleId }: TestSpecification): number => seconds[relative("", moduleId)] ?? 0;
    return Promise.resolve(files.toSorted((a, b) => of(a) - of(b)));
  }
}

// Where this runs: the root of a scratch copy of the repository.
const root: { default: ViteUserConfig } = await import(join(process.cwd(), "vitest.config.ts"));

export default mergeConfig(root.default, { test: { sequence: { sequencer: QuickFirst } } });
