// How many small unary calls a server answers: `node -C @eraft/source bench/unary.ts [eraft|node]`, which needs h2load (Debian's nghttp2-client).
import { create, toBinary } from "@bufbuild/protobuf";
import { CommandRequestSchema, KVService } from "@eraft/proto/kvraftpb";
import { registerUnary } from "@eraft/transport-connect";
import { serve } from "@eraft/transport-connect/node";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WARM_UP_CALLS = 40_000;
const CALLS = 300_000;
const engine = process.argv[2] === "node" ? "node" : "eraft";

const server = serve({
  host: "127.0.0.1",
  port: 0,
  engine,
  routes: (router) =>
    registerUnary(router, KVService.method.command, ({ key, value }) => ({ err: key, value })),
});
const { port } = await server.listening;
const directory = mkdtempSync(join(tmpdir(), "eraft-bench-"));
const body = join(directory, "request");
writeFileSync(body, enveloped(toBinary(CommandRequestSchema, request())));
await load(WARM_UP_CALLS);
const before = process.cpuUsage();
const beforeMs = performance.now();
await load(CALLS);
const { system, user } = process.cpuUsage(before);
const perSecond = Math.round(CALLS / ((performance.now() - beforeMs) / 1000));
const cpuUs = ((system + user) / CALLS).toFixed(2);
console.log(`${engine}: ${perSecond} calls/s, ${cpuUs} us of processor time for each`);
rmSync(directory, { recursive: true });
await server.close();

function request(): ReturnType<typeof create<typeof CommandRequestSchema>> {
  return create(CommandRequestSchema, { key: "k".repeat(16), value: "v".repeat(128) });
}

function enveloped(message: Uint8Array): Buffer {
  const envelope = Buffer.alloc(5 + message.byteLength);
  envelope.writeUInt32BE(message.byteLength, 1);
  envelope.set(message, 5);
  return envelope;
}

/** Throws unless all calls were answered. */
async function load(calls: number): Promise<void> {
  const args = [
    "-n",
    String(calls),
    "-c",
    "8",
    "-m",
    "64",
    "-d",
    body,
    "-H",
    "content-type: application/grpc",
    "-H",
    "te: trailers",
  ];
  const child = spawn("h2load", [...args, `http://127.0.0.1:${port}/kvraftpb.KVService/Command`]);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0 || !text.includes(`${calls} succeeded`)) throw new Error(`h2load: ${text}`);
}
