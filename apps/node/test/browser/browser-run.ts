import { type Page, chromium } from "playwright-core";
import { caughtUp, leaderOf } from "../support/cluster-view.ts";
import { eventually } from "../support/eventually.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { bundlePage } from "./bundle.ts";
import { Front } from "./front.ts";
import type { PageApi } from "./page-api.ts";

declare global {
  interface Window {
    readonly eraft: PageApi;
  }
}

export interface BrowserRunOptions {
  /** The program. */
  readonly chromium: string;
  /** Writes that the watch in the page has to tell. */
  readonly writes: number;
  /** Leaders that are killed meanwhile. */
  readonly kills: number;
  /** A file for a picture of the page at the end; null for none. */
  readonly screenshot: string | null;
  readonly say: (line: string) => void;
}

export interface BrowserRunReport {
  readonly browser: string;
  readonly written: number;
  readonly told: number;
  readonly problems: readonly string[];
}

/** A page in headless Chromium reads, writes and watches a cluster of real processes, while whoever leads is killed. */
export async function browserRun(options: BrowserRunOptions): Promise<BrowserRunReport> {
  const { say } = options;
  const files = await bundlePage();
  const cluster = await TestCluster.start();
  const front = await Front.start(files, cluster.addresses);
  // Chromium's own sandbox needs rights that the root of a container does not have. It loads no page but ours.
  const browser = await chromium.launch({ executablePath: options.chromium, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(`the page: ${error.message}`));
    await page.goto(front.origin);
    await page.waitForFunction(() => "eraft" in window);
    say(`Chromium ${browser.version()} has the page`);
    problems.push(...(await firstSteps(page)));
    problems.push(...(await watchWhileLeadersDie(page, cluster, options)));
    if (options.screenshot !== null) await page.screenshot({ path: options.screenshot, fullPage: true });
    const { written, told } = await page.evaluate(() => window.eraft.report());
    return { browser: browser.version(), written: written.length, told: told.length, problems };
  } finally {
    await browser.close();
    await front.close();
    await cluster.stop();
  }
}

async function firstSteps(page: Page): Promise<string[]> {
  const { apple, isNewest, scanned } = await page.evaluate(() => window.eraft.putGetScan());
  const problems: string[] = [];
  if (apple !== "red, or green" || !isNewest) problems.push(`get gives ${String(apple)}`);
  if (scanned.join() !== "fruit/apple=red, or green,fruit/banana=yellow")
    problems.push(`scan gives ${scanned.join()}`);
  const stream = await page.evaluate(() => window.eraft.tryStream());
  if (stream !== "KvUnsupportedError") problems.push(`a stream in a browser: ${stream}`);
  return problems;
}

async function watchWhileLeadersDie(
  page: Page,
  cluster: TestCluster,
  { writes, kills, say }: BrowserRunOptions,
): Promise<string[]> {
  const onlooker = cluster.client();
  await page.evaluate(() => window.eraft.beginWatch());
  const writing = page.evaluate((count) => window.eraft.write(count), writes);
  // Whoever waits below is told, too.
  writing.catch(() => {});
  for (let kill = 1; kill <= kills; kill += 1) {
    const due = Math.floor((writes * kill) / (kills + 1));
    await Promise.race([
      writing,
      eventually(async () => {
        const { told } = await page.evaluate(() => window.eraft.report());
        if (told.length < due) throw new Error(`the page was told ${told.length} changes, and not ${due}`);
      }),
    ]);
    const { id, address } = await leaderOf(onlooker);
    await cluster.kill(id);
    say(`after ${due} changes: node ${id}, which led, is killed`);
    await cluster.restart(id);
    await caughtUp(onlooker, address);
  }
  await writing;
  const { told, written } = await eventually(async () => {
    const report = await page.evaluate(() => window.eraft.report());
    if (report.told.length < writes)
      throw new Error(`the page was told ${report.told.length} of ${writes} changes`);
    return report;
  });
  const differs = told.findIndex((change, at) => change !== written[at]);
  if (differs === -1 && told.length === written.length) return [];
  const at = differs === -1 ? written.length : differs;
  return [`change ${at + 1} is told as ${told.at(at) ?? "nothing"}, and was ${written.at(at) ?? "none"}`];
}
