// A page in headless Chromium against real processes: pnpm browser-run
import { type Flag, integer } from "../../src/flags.ts";
import { CommandError } from "../../src/errors.ts";
import { runTool } from "../acceptance/support/tool.ts";
import { browserRun } from "./browser-run.ts";
import { findChromium } from "./chromium.ts";

const SCREENSHOT: Flag<string | null> = {
  placeholder: "FILE",
  help: "a picture of the page at the end (default: none)",
  parse: (text) => text,
  fallback: { value: null },
};

await runTool({
  name: "browser-run",
  about: [
    "Puts a page with the client into headless Chromium, against three nodes: put, get, scan, and a watch that must tell every change once\nand in order while the leader is killed.",
    "Needs a Chromium that is there already: the program that the environment variable CHROMIUM names, or one in the PATH.",
  ],
  flags: {
    writes: integer({
      help: "writes that the watch has to tell (default 300)",
      min: 1,
      max: 100_000,
      fallback: { value: 300 },
    }),
    kills: integer({
      help: "leaders that are killed meanwhile (default 2)",
      min: 0,
      max: 100,
      fallback: { value: 2 },
    }),
    screenshot: SCREENSHOT,
  },
  limitMinutes: ({ writes, kills }) => 3 + kills + writes / 1000,
  run: async ({ writes, kills, screenshot }, say) => {
    const chromium = findChromium();
    if (chromium === null) {
      throw new CommandError(
        "there is no Chromium: install one (on Debian: apt-get install --no-install-recommends chromium), or name it in CHROMIUM",
      );
    }
    const report = await browserRun({ chromium, writes, kills, screenshot, say });
    return {
      report: [`Chromium ${report.browser}: ${report.written} writes, ${report.told} changes told`],
      problems: report.problems,
      missed: [],
    };
  },
});
