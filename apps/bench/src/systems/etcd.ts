import { spawnSync } from "node:child_process";
import { Fields, message } from "./protobuf.ts";
import type { KvSystem, LaunchCommand, Method, NodePlan } from "./system.ts";

const HOST = "127.0.0.1";
/** A frame has 5 bytes; the header that each answer begins with has at least a cluster's and a member's id and a revision. */
const LEAST_HEADER_BYTES = 5 + 12;

/** etcd with its own defaults: heartbeats every 100 ms, elections after a second. Null if it is not installed. */
export function findEtcd(): KvSystem | null {
  const { error, stdout } = spawnSync("etcd", ["--version"], { encoding: "utf8" });
  const version = /etcd Version: (\S+)/.exec(stdout ?? "")?.[1];
  if (error !== undefined || version === undefined) return null;
  return {
    name: "etcd",
    version,
    put,
    get: range([]),
    staleGet: { ...range([[7, 1]]), headers: {} },
    // Maintenance.Status: header 1, leader 4, raftIndex 5; the header: member 2, revision 3.
    stateOf: {
      path: "/etcdserverpb.Maintenance/Status",
      read: (answer) => {
        const header = answer.message(1);
        return { isLeader: answer.number(4) === header.number(2), writes: header.number(3) };
      },
    },
    snapshotTold: /applied snapshot/,
    launch,
  };
}

/** PutRequest: key 1, value 2. */
const put: Method = {
  path: "/etcdserverpb.KV/Put",
  encode: (key, value) => message([1, key], [2, value]),
  refusal: () => null,
  value: () => null,
  fits: (bytes, requests) => bytes >= requests * LEAST_HEADER_BYTES && bytes <= requests * 64,
};

/** RangeRequest: key 1, serializable 7. RangeResponse: kvs 2, of which the value is 5. */
function range(flags: readonly (readonly [number, number])[]): Method {
  return {
    path: "/etcdserverpb.KV/Range",
    encode: (key) => message([1, key], ...flags),
    refusal: () => null,
    value: (answer) => {
      const item = answer.bytes(2);
      return item === null ? null : (new Fields(item).bytes(5) ?? Buffer.alloc(0));
    },
    fits: (bytes, requests, valueBytes) =>
      bytes >= requests * (LEAST_HEADER_BYTES + valueBytes) && bytes <= requests * (valueBytes + 160),
  };
}

function launch({ id, dir, clientPorts, peerPorts, keepsLog, compactsEarly }: NodePlan): LaunchCommand {
  const client = `http://${HOST}:${clientPorts[id]}`;
  const peer = `http://${HOST}:${peerPorts[id]}`;
  const cluster = peerPorts.map((port, other) => `n${other}=http://${HOST}:${port}`).join(",");
  const flags = {
    name: `n${id}`,
    "data-dir": dir,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": cluster,
    "initial-cluster-state": "new",
    logger: "zap",
    "log-level": compactsEarly ? "info" : "error",
    // The default of 2 GiB is too little for ten million writes, all of whose revisions it keeps.
    "quota-backend-bytes": String(16 * 2 ** 30),
    ...(keepsLog ? { "snapshot-count": "1000000000" } : {}),
    ...(compactsEarly ? { "snapshot-count": "1000" } : {}),
  };
  return { file: "etcd", args: Object.entries(flags).map(([name, value]) => `--${name}=${value}`) };
}
