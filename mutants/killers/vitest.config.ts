// The repository's own configuration, but for the order of the test files.
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { mergeConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import configuration from "../../vitest.config.ts";

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

export default mergeConfig(configuration, { test: { sequence: { sequencer: QuickFirst } } });
