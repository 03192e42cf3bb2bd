import type { Reporter, TestModule } from "vitest/node";

/** Ends a run with one plain line, `N passed, N failed`, for machines that read the output. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    let skipped = 0;
    // A module that cannot be loaded and an error outside any test are failures that no test reports.
    let failed = unhandled.length;
    for (const module of modules) {
      let moduleFailed = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        else if (state === "skipped") skipped += 1;
        else moduleFailed += 1;
      }
      failed += moduleFailed === 0 && !module.ok() ? 1 : moduleFailed;
    }
    // After the default reporter's own summary, which is printed in the same turn.
    const rest = skipped > 0 ? `, ${skipped} skipped` : "";
    process.once("exit", () => process.stdout.write(`${passed} passed, ${failed} failed${rest}\n`));
  }
}
