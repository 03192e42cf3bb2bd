#!/usr/bin/env node
// Plain JavaScript that any Node from 18 up can run: an older one has to get far enough to find the right one.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sizeHeap } from "./heap.js";
import { isNewEnough, relaunch } from "./relaunch.js";

const main = new URL("../dist/main.js", import.meta.url);

if (!existsSync(main)) {
  notBuilt();
} else if (isNewEnough(process.versions.node)) {
  if (process.argv[2] === "serve") sizeHeap();
  await start();
} else {
  relaunch(fileURLToPath(import.meta.url), process.argv.slice(2));
}

async function start() {
  // Before Node 24, the built-in SQLite that locks data directories announces on stderr that it is experimental.
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if (warning.name !== "ExperimentalWarning") process.stderr.write(`eraft: warning: ${warning.message}\n`);
  });
  let entry;
  try {
    entry = await import(main.href);
  } catch (error) {
    if (error?.code !== "ERR_MODULE_NOT_FOUND") throw error;
    notBuilt();
    return;
  }
  await entry.run(process.argv.slice(2));
}

function notBuilt() {
  process.stderr.write(
    "eraft: not built yet: run `npx -y pnpm@12 install` and `npx -y pnpm@12 build` first\n",
  );
  process.exitCode = 1;
}
