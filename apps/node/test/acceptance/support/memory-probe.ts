// Loaded into a node before its own code: `node --import memory-probe.ts?file=... ...`. From then on it appends what it uses of memory to that file,
// a JSON object a line.
import { appendFile } from "node:fs";

const EVERY_MS = 250;
const file = new URL(import.meta.url).searchParams.get("file");
if (file === null) throw new Error("memory-probe.ts needs a file");

const write = (): void => {
  const { heapUsed, external, rss } = process.memoryUsage();
  const sample = { atMs: Date.now(), heapBytes: heapUsed, externalBytes: external, residentBytes: rss };
  // A probe must not be what ends the node: without its directory, which goes last, there is nobody left to read.
  appendFile(file, `${JSON.stringify(sample)}\n`, () => {});
};
write();
setInterval(write, EVERY_MS).unref();
