import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { message } from "./protobuf.ts";
import type { KvSystem, LaunchCommand, Method, NodePlan } from "./system.ts";

const HOST = "127.0.0.1";
const FRAME_BYTES = 5;
const GET = 2;

/** `eraft serve` as it is built, with its own defaults. */
export function eraft(): KvSystem {
  const manifest = new URL(import.meta.resolve("@eraft/node/package.json"));
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const script = fileURLToPath(new URL("bin/eraft.js", manifest));
  return {
    name: "eraft",
    version,
    put,
    get,
    staleGet: { ...get, headers: { "eraft-consistency": "stale" } },
    // GetStatusResponse: state 2, lastApplied 4.
    stateOf: {
      path: "/kvraftpb.KVService/GetStatus",
      read: (answer) => ({ isLeader: answer.text(2) === "Leader", writes: answer.number(4) }),
    },
    snapshotTold: /\breceived a snapshot\b/i,
    launch: (plan) => launch(script, plan),
  };
}

/** CommandRequest: key 1, value 2, op 3; without client id, so no session is kept. CommandResponse: err 1, value 2. */
const put: Method = {
  path: "/kvraftpb.KVService/Command",
  encode: (key, value) => message([1, key], [2, value]),
  refusal: (answer) => (answer.text(1) === "OK" ? null : answer.text(1)),
  value: () => null,
  // "OK" with its tag and length; every refusal is longer, or nothing.
  fits: (bytes, requests) => bytes === requests * (FRAME_BYTES + 4),
};

const get: Method = {
  path: "/kvraftpb.KVService/Command",
  encode: (key) => message([1, key], [3, GET]),
  refusal: (answer) => (["OK", "ErrNoKey"].includes(answer.text(1)) ? null : answer.text(1)),
  value: (answer) => (answer.text(1) === "OK" ? (answer.bytes(2) ?? Buffer.alloc(0)) : null),
  fits: (bytes, requests, valueBytes) => {
    const answerBytes = FRAME_BYTES + 4 + message([2, Buffer.alloc(valueBytes)]).length;
    return bytes === requests * answerBytes;
  },
};

function launch(script: string, plan: NodePlan): LaunchCommand {
  const { id, dir, clientPorts, keepsLog, compactsEarly } = plan;
  const cluster = clientPorts.map((port) => `${HOST}:${port}`).join(",");
  const flags = {
    id: String(id),
    cluster,
    "data-dir": dir,
    "log-level": compactsEarly ? "info" : "warn",
    ...(keepsLog ? { "snapshot-bytes": String(2 ** 40) } : {}),
    ...(compactsEarly ? { "snapshot-bytes": String(2 ** 20) } : {}),
  };
  const options = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  return { file: process.execPath, args: [script, "serve", ...options] };
}
