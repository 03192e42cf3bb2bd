import { type ChildProcess, spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "./support/eventually.ts";
import { freePorts } from "./support/ports.ts";
import { SCRIPT } from "./support/process.ts";
import { tempDir } from "./support/temp-dir.ts";

/** One life of a process: another Node may take it over. */
interface Life {
  readonly pid: number;
  readonly execArgv: readonly string[];
  readonly args: readonly string[];
  readonly mark: string;
  /** Options of V8 that were set while it ran. */
  readonly set: readonly string[];
}

/** A module that notes down the lives of the processes that load it, and what options they set. */
async function witness(): Promise<{
  readonly nodeArgs: readonly string[];
  readonly lives: () => Promise<Life[]>;
}> {
  const dir = await tempDir();
  const module = join(dir, "witness.mjs");
  const notes = join(dir, "notes");
  await writeFile(
    module,
    `import { appendFileSync } from "node:fs";
     import v8 from "node:v8";
     const note = (one) => appendFileSync(${JSON.stringify(notes)}, JSON.stringify(one) + "\\n");
     const { pid, execArgv, argv, env } = process;
     note({ pid, execArgv, args: argv.slice(2), mark: env.ERAFT_TEST_MARK ?? "" });
     const set = v8.setFlagsFromString;
     v8.setFlagsFromString = (option) => {
       note({ set: option });
       set(option);
     };`,
  );
  await writeFile(notes, "");
  const lives = async (): Promise<Life[]> => {
    const found: (Omit<Life, "set"> & { readonly set: string[] })[] = [];
    for (const line of (await readFile(notes, "utf8")).split("\n").filter(Boolean)) {
      const one = JSON.parse(line) as Omit<Life, "set"> & { readonly set?: string };
      if (one.set === undefined) found.push({ ...one, set: [] });
      else found.at(-1)?.set.push(one.set);
    }
    return found;
  };
  return { nodeArgs: ["--import", pathToFileURL(module).href], lives };
}

interface Way {
  readonly nodeArgs: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdio?: "ipc" | "pipe";
}

/** `eraft` without the lifeline that other tests give it. */
function start(args: readonly string[], { nodeArgs, env = {}, stdio }: Way): ChildProcess {
  const child = spawn(process.execPath, [...nodeArgs, SCRIPT, ...args], {
    stdio: ["ignore", "pipe", "pipe", ...(stdio === undefined ? [] : [stdio])],
    env: { ...process.env, NODE_OPTIONS: "", ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Runs it to its end: for what is done before anything is served, `serve --help` is a server like any other. */
async function run(way: Way, args: readonly string[] = ["serve", "--help"]): Promise<ChildProcess> {
  const child = start(args, way);
  let said = "";
  child.stdout?.on("data", (text: Buffer) => (said += text.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect([code, said !== ""]).toStrictEqual([0, true]);
  return child;
}

const YOUNG = "--max-semi-space-size=8";
const COMMON = ["--heap-growing-percent=60", "--no-parallel-scavenge"];
const isNew = Number.parseInt(process.versions.node, 10) >= 24;
const OTHERS = isNew ? [...COMMON, "--external-memory-accounted-in-global-limit"] : COMMON;
const canBecomeAnother = process.platform !== "win32" && typeof process.execve === "function";

test.runIf(canBecomeAnother)("a server has a small heap, and is the process that was started", async () => {
  const { nodeArgs, lives } = await witness();
  const [port] = await freePorts(1);
  const args = ["serve", "--id", "0", "--cluster", `127.0.0.1:${port}`, "--storage", "memory"];
  const child = start(args, { nodeArgs, env: { ERAFT_TEST_MARK: "a b=c" } });
  let said = "";
  child.stdout?.on("data", (text: Buffer) => (said += text.toString()));
  child.stderr?.on("data", (text: Buffer) => (said += text.toString()));
  await eventually(() => expect(said).toMatch(/^listening/m));
  const { pid } = child;
  const life = { pid, args, mark: "a b=c" };
  expect(await lives()).toStrictEqual([
    { ...life, execArgv: nodeArgs, set: OTHERS },
    { ...life, execArgv: [YOUNG, ...nodeArgs], set: OTHERS },
  ]);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  expect(await exited).toBe(0);
  // Nothing of an experiment, which is what Node calls the way from the one to the other.
  expect(said).not.toMatch(/warning|experimental/i);
});

test.each([
  ["to Node", ["--max-semi-space-size=32"], ""],
  ["to Node, with underscores", ["--min_semi_space_size=32"], ""],
  ["in NODE_OPTIONS", [], "--no-deprecation --max-semi-space-size=32"],
])("what was said %s of the young generation stays as it is", async (_where, said, options) => {
  const { nodeArgs, lives } = await witness();
  await run({ nodeArgs: [...said, ...nodeArgs], env: { NODE_OPTIONS: options } });
  expect(await lives()).toMatchObject([{ execArgv: [...said, ...nodeArgs], set: OTHERS }]);
});

test("what was said of the rest of the heap stays as it is", async () => {
  const { nodeArgs, lives } = await witness();
  const said = ["--heap_growing_percent=20", "--parallel-scavenge"];
  if (isNew) said.push("--no-external-memory-accounted-in-global-limit");
  await run({ nodeArgs: [...said, ...nodeArgs] });
  const last = (await lives()).at(-1);
  expect(last?.execArgv).toStrictEqual([...(canBecomeAnother ? [YOUNG] : []), ...said, ...nodeArgs]);
  expect(last?.set).toStrictEqual([]);
});

test.each<[string, Omit<Way, "nodeArgs">]>([
  ["a channel to the process that forked it", { stdio: "ipc" }],
  ["a lifeline", { stdio: "pipe", env: { ERAFT_LIFELINE_FD: "3" } }],
])("a server with %s keeps that, and so the young generation that it has", async (_what, way) => {
  const { nodeArgs, lives } = await witness();
  const { pid } = await run({ nodeArgs, ...way });
  expect(await lives()).toMatchObject([{ pid, execArgv: nodeArgs, set: OTHERS }]);
});

test("a server that is profiled is so from its beginning, and keeps the young generation that it has", async () => {
  const { nodeArgs, lives } = await witness();
  const all = [...nodeArgs, "--cpu-prof", `--cpu-prof-dir=${await tempDir()}`, "--cpu-prof-interval=100"];
  await run({ nodeArgs: all });
  expect(await lives()).toMatchObject([{ execArgv: all, set: OTHERS }]);
});

test("where Node forbids it, the server serves with the young generation that it has", async () => {
  const { nodeArgs, lives } = await witness();
  const forbids = join(await tempDir(), "forbids.mjs");
  await writeFile(forbids, `process.execve = () => { throw new Error("forbidden"); };`);
  const all = [...nodeArgs, "--import", pathToFileURL(forbids).href];
  await run({ nodeArgs: all });
  expect(await lives()).toMatchObject([{ execArgv: all, set: OTHERS }]);
});

test("a command that is no server is run by the Node that was started, as it is", async () => {
  const { nodeArgs, lives } = await witness();
  await run({ nodeArgs }, ["--version"]);
  expect(await lives()).toMatchObject([{ execArgv: nodeArgs, args: ["--version"], set: [] }]);
});

test("an old Node starts the right one with the heap of a server", async () => {
  const { nodeArgs, lives } = await witness();
  const old = join(await tempDir(), "old.mjs");
  await writeFile(
    old,
    `if (process.env.ERAFT_LIFELINE_FD === undefined) {
       Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });
     }`,
  );
  const all = [...nodeArgs, "--import", pathToFileURL(old).href];
  await run({ nodeArgs: all });
  expect(await lives()).toMatchObject([
    { execArgv: all, set: [] },
    { execArgv: [YOUNG, ...all], set: OTHERS },
  ]);
});

test("a Node that does not know an option is not told of it", async () => {
  const { nodeArgs, lives } = await witness();
  const old = join(await tempDir(), "old.mjs");
  await writeFile(
    old,
    `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "22.13.0" } });`,
  );
  await run({ nodeArgs: [...nodeArgs, "--import", pathToFileURL(old).href] });
  expect((await lives()).at(-1)).toMatchObject({ set: COMMON });
});
