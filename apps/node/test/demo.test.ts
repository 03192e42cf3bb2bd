import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { howToCall } from "../src/how-to-call.ts";
import { eventually } from "./support/eventually.ts";
import { freePorts } from "./support/ports.ts";
import { EraftProcess, runEraft } from "./support/process.ts";
import { runMain } from "./support/run-main.ts";
import { tempDir } from "./support/temp-dir.ts";

interface RunningDemo {
  readonly demo: EraftProcess;
  readonly dir: string;
  readonly cluster: string;
  readonly ports: readonly number[];
}

async function startDemo(nodes = 3, data?: string): Promise<RunningDemo> {
  const ports = await freePorts(nodes);
  const dir = data ?? join(await tempDir(), "cluster");
  const args = ["--nodes", String(nodes), "--base-port", String(ports[0]), "--data-dir", dir];
  const demo = new EraftProcess(["demo", ...args]);
  onTestFinished(async () => void (await demo.kill()));
  return { demo, dir, ports, cluster: ports.map((port) => `127.0.0.1:${port}`).join(",") };
}

/** Whether a process is there to be signalled. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function pidsIn(text: string): readonly number[] {
  return [...text.matchAll(/ is (?:up|back), pid (\d+)/g)].map((match) => Number(match[1]));
}

test("brings up a cluster, prints commands that work, brings back what is killed, and stops", async () => {
  const { demo, dir, cluster } = await startDemo();
  const [, pidText, idText] = await demo.says(/kill -9 (\d+) +# node (\d)/);
  const commands = [...demo.stdout.matchAll(/^ {2}node .*eraft\.js (put|get|append|status) .*$/gm)];
  expect(commands.map((match) => match[1])).toEqual(["put", "get", "append", "status"]);
  for (const [line] of commands) {
    const [, , ...argv] = line.trim().split(" ");
    expect(argv.slice(-2)).toEqual(["--cluster", cluster]);
    expect(await runMain(...argv)).toMatchObject({ code: 0, stderr: "" });
  }

  process.kill(Number(pidText), "SIGKILL");
  await demo.says(
    new RegExp(`node ${idText}  was ended by SIGKILL, pid ${pidText}; starting it again in 1 s`),
  );
  await demo.says(new RegExp(`node ${idText}  is back, pid \\d+`));
  await eventually(async () => {
    const { stdout } = await runMain("status", "--json", "--cluster", cluster);
    expect(stdout).not.toContain("Offline");
  });
  expect((await runMain("get", "color", "--cluster", cluster)).stdout).toBe("blue,green\n");

  const pids = pidsIn(demo.stdout);
  expect(pids).toHaveLength(4);
  const exit = await demo.kill("SIGINT");
  expect(exit).toMatchObject({ code: 0, signal: null, stderr: "" });
  expect(pids.filter(isAlive)).toEqual([]);
  expect(await readFile(join(dir, "node-0.log"), "utf8")).toContain('"msg":"Stopped."');
});

test("the next demo goes on with the data, on other ports, too", async () => {
  const first = await startDemo();
  await first.demo.says(/kill -9/);
  expect(await runMain("put", "color", "blue", "--cluster", first.cluster)).toMatchObject({ code: 0 });
  expect(await first.demo.kill("SIGINT")).toMatchObject({ code: 0 });
  const second = await startDemo(3, first.dir);
  await second.demo.says(/kill -9/);
  expect((await runMain("get", "color", "--cluster", second.cluster)).stdout).toBe("blue\n");
  // From here on they find each other there, without being told.
  await eventually(async () => {
    const { stdout } = await runMain("member", "list", "--cluster", second.cluster);
    for (const address of second.cluster.split(",")) expect(stdout).toContain(address);
  });
});

test("when the demo itself is killed, its nodes end", async () => {
  const { demo } = await startDemo();
  await demo.says(/kill -9/);
  const pids = pidsIn(demo.stdout);
  expect(pids.filter(isAlive)).toHaveLength(3);
  await demo.kill("SIGKILL");
  await eventually(() => expect(pids.filter(isAlive)).toEqual([]));
});

test("a port in use is found before anything is started", async () => {
  const ports = await freePorts(3);
  const other = createServer().listen(ports[1], "127.0.0.1");
  onTestFinished(() => void other.close());
  const dir = join(await tempDir(), "cluster");
  const exit = await runEraft(["demo", "--base-port", String(ports[0]), "--data-dir", dir]);
  expect(exit).toEqual({
    code: 1,
    signal: null,
    stdout: "",
    stderr: `eraft: 127.0.0.1:${ports[1]} is in use already: stop what runs there, or give another --base-port\n`,
  });
  expect(existsSync(dir)).toBe(false);
});

test("gives up on a node that does not start, and says why", async () => {
  const ports = await freePorts(1);
  const dir = await tempDir();
  // What looks like a segment of the log and is none.
  await mkdir(join(dir, "node-0", "wal-0000000000000001.log"), { recursive: true });
  const exit = await runEraft(["demo", "--nodes", "1", "--base-port", String(ports[0]), "--data-dir", dir]);
  expect(exit.stderr).toMatch(/^eraft: node 0 does not start: [^\n]+\n$/);
  expect(exit.code).toBe(1);
  expect(exit.stdout).toContain("node 0  ended with exit code 1; starting it again in 1 s");
});

test("data of a cluster of another size is refused", async () => {
  const ports = await freePorts(5);
  const dir = await tempDir();
  for (const name of ["node-0", "node-1", "node-2"]) await mkdir(join(dir, name));
  const args = ["demo", "--nodes", "5", "--base-port", String(ports[0]), "--data-dir", dir];
  const { code, stderr } = await runMain(...args);
  expect(stderr).toBe(
    `eraft: ${dir} holds a cluster of 3 nodes, not 5: give another --data-dir, or --nodes 3\n`,
  );
  expect(code).toBe(1);
  expect(await readdir(dir)).toHaveLength(3);
});

test.each([
  ["/repo/apps/node/bin/eraft.js", "/repo", "node apps/node/bin/eraft.js"],
  ["/repo/apps/node/bin/eraft.js", "/repo/docs", "node /repo/apps/node/bin/eraft.js"],
  ["/my repo/bin/eraft.js", "/", "node 'my repo/bin/eraft.js'"],
  ["/usr/bin/eraft", "/home", "eraft"],
])("%s is called from %s as: %s", (script, from, call) => {
  expect(howToCall(script, from)).toBe(call);
});
