import { cp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { freePorts } from "./support/ports.ts";
import { EraftProcess, SCRIPT, runEraft } from "./support/process.ts";
import { tempDir } from "./support/temp-dir.ts";

/**
 * A module that makes the first process believe that it runs an old Node. The one that it starts in its place, whose lifeline is not
 * this test's, is left alone.
 */
async function oldNode(version = "20.20.2"): Promise<readonly string[]> {
  const file = join(await tempDir(), "old-node.mjs");
  await writeFile(
    file,
    `if (process.env.ERAFT_TEST_OLD !== "done") {
       process.env.ERAFT_TEST_OLD = "done";
       Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });
     }`,
  );
  return ["--import", pathToFileURL(file).href];
}

async function startOnOldNode(): Promise<{ wrapper: EraftProcess; url: string }> {
  const [port] = await freePorts(1);
  const args = ["serve", "--id", "0", "--cluster", `127.0.0.1:${port}`, "--storage", "memory"];
  const wrapper = new EraftProcess(args, { nodeArgs: await oldNode() });
  onTestFinished(async () => void (await wrapper.kill()));
  await wrapper.says(/^listening/m);
  return { wrapper, url: `http://127.0.0.1:${port}/healthz` };
}

test("an old Node finds the one that the project brings along, and passes on output and exit code", async () => {
  const nodeArgs = await oldNode();
  expect(await runEraft(["--version"], { nodeArgs })).toMatchObject({
    code: 0,
    stdout: "0.1.0\n",
    stderr: "",
  });
  expect(await runEraft(["get"], { nodeArgs })).toMatchObject({ code: 2, stdout: "" });
});

test.each(["SIGTERM", "SIGINT"] as const)("an old Node passes %s on", async (signal) => {
  const { wrapper } = await startOnOldNode();
  const exit = await wrapper.kill(signal);
  expect(exit).toMatchObject({ code: 0, signal: null });
  expect(exit.stderr).toContain('"msg":"Stopped."');
});

test("kill -9 of the process that the user started ends the server, too", async () => {
  const { wrapper, url } = await startOnOldNode();
  expect((await fetch(url)).status).toBe(200);
  wrapper.signal("SIGKILL");
  await eventually(async () => expect(await fetch(url).catch(() => "gone")).toBe("gone"));
  await wrapper.exited;
});

/** The package by itself, where nothing else is installed. */
async function copyOfPackage(...parts: readonly string[]): Promise<string> {
  const dir = await tempDir();
  for (const part of parts) {
    await cp(join(dirname(SCRIPT), "..", part), join(dir, part), { recursive: true });
  }
  return join(dir, "bin", "eraft.js");
}

test("an old Node and no other to be found gives one line", async () => {
  const script = await copyOfPackage("bin", "dist", "package.json");
  const exit = await runEraft(["--version"], {
    nodeArgs: await oldNode("22.12.0"),
    script,
    cwd: dirname(script),
  });
  expect(exit.stderr).toMatch(/^eraft: Node 22\.12\.0 is too old: [^\n]+\n$/);
  expect(exit).toMatchObject({ code: 1, stdout: "" });
});

test.each([
  ["its own code", ["bin", "package.json"]],
  ["what it depends on", ["bin", "dist", "package.json"]],
])("without %s it says that it has to be built", async (_what, parts) => {
  const script = await copyOfPackage(...parts);
  const exit = await runEraft(["--version"], { script });
  expect(exit.stderr).toMatch(/^eraft: not built yet: [^\n]*pnpm@12 build[^\n]*\n$/);
  expect(exit).toMatchObject({ code: 1, stdout: "" });
});
