import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { heapOptions } from "./heap.js";

const NEEDED = [22, 13];

/** Whether this version of Node can run eraft. */
export function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/**
 * Runs the same command again with the Node that the project brings along as the npm package `node`, and ends as it ends: signals are
 * passed on, and so are its exit code or the signal that ended it.
 */
export function relaunch(script, args) {
  const node = findNode(script);
  if (node === null) {
    process.stderr.write(
      `eraft: Node ${process.versions.node} is too old: use Node ${NEEDED.join(".")} or newer, ` +
        "or run `npx -y pnpm@12 install`, which brings one along\n",
    );
    process.exitCode = 1;
    return;
  }
  const heap = args[0] === "serve" ? heapOptions() : [];
  const child = spawn(node, [...heap, ...process.execArgv, script, ...args], {
    // The fourth is a lifeline: src/lifeline.ts tells what it is for.
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { ...process.env, ERAFT_LIFELINE_FD: "3" },
  });
  const signals = ["SIGTERM", "SIGINT", "SIGHUP"];
  const forward = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  child.on("error", (error) => {
    process.stderr.write(`eraft: cannot run ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    for (const name of signals) process.off(name, forward);
    if (signal === null) process.exit(code ?? 1);
    process.kill(process.pid, signal);
    // Only reached while the signal is on its way, or when it is one that this process ignores.
    process.exitCode = 128 + constants.signals[signal];
  });
}

function findNode(script) {
  const starts = [script, join(process.cwd(), "package.json")];
  for (const start of starts) {
    const node = nodeSeenFrom(start);
    if (node !== null) return node;
  }
  return null;
}

function nodeSeenFrom(file) {
  try {
    const manifest = createRequire(file).resolve("node/package.json");
    const node = join(dirname(manifest), "bin", process.platform === "win32" ? "node.exe" : "node");
    return isNewEnough(JSON.parse(readFileSync(manifest, "utf8")).version) && existsSync(node) ? node : null;
  } catch {
    return null;
  }
}
