import { defineConfig } from "vitest/config";

// Workspace packages resolve to their sources, so nothing has to be built before a test.
const conditions = ["@eraft/source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "apps/*/test/**/*.test.ts",
      "examples/*/*.test.ts",
      "test/**/*.test.ts",
      "mutants/test/**/*.test.ts",
    ],
    reporters: ["default", "./scripts/summary-reporter.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
