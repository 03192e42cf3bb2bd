import type { Arguments } from "../args.ts";
import { type Address, parseAddress, parseCluster, parseContacts, parsePeers } from "../cluster.ts";
import { UsageError } from "../errors.ts";
import { type Flag, FlagValueError, choice, directory, integer, onOff } from "../flags.ts";
import { LOG_LEVELS, type LogLevel } from "../logger.ts";
import type { Beginning, ServeConfig } from "../server/config.ts";
import type { DiskStorageType } from "../server/data-dir.ts";
import type { StateType } from "../server/state.ts";

/** A flag that may be left out: null then. */
function optional<T>(placeholder: string, help: string, parse: (text: string) => T): Flag<T | null> {
  return { placeholder, help, parse, fallback: { value: null } };
}

/** The flags of `eraft serve`. */
export const SERVE_FLAGS: {
  readonly id: Flag<number>;
  readonly cluster: Flag<readonly Address[] | null>;
  readonly peers: Flag<ReadonlyMap<number, Address> | null>;
  readonly join: Flag<readonly Address[] | null>;
  readonly listen: Flag<Address | null>;
  readonly readdress: Flag<boolean>;
  readonly "cluster-id": Flag<string | null>;
  readonly "data-dir": Flag<string | null>;
  readonly storage: Flag<DiskStorageType | "memory">;
  readonly state: Flag<StateType>;
  readonly "election-timeout-ms": Flag<number>;
  readonly "heartbeat-ms": Flag<number>;
  readonly "snapshot-bytes": Flag<number>;
  readonly "max-clock-drift-percent": Flag<number | null>;
  readonly "log-level": Flag<LogLevel>;
} = {
  id: integer({
    help: "which node this is: with --cluster its position there, from 0; a number that is never used for another node",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    fallback: "required",
  }),
  cluster: optional(
    "A,B,C",
    "addresses HOST:PORT of all nodes that the cluster begins with, the same list in the same order on each",
    parseCluster,
  ),
  peers: optional(
    "0=A,1=B",
    "the same with ids of your choice: the nodes that the cluster begins with, this one among them",
    parsePeers,
  ),
  join: optional(
    "A,B,C",
    "addresses of some nodes of a cluster that is there already: this node waits to be added to it",
    parseContacts,
  ),
  listen: optional(
    "HOST:PORT",
    "where this node listens, 0.0.0.0 for every interface (default: its address in --cluster or --peers)",
    parseAddress,
  ),
  readdress: onOff(
    "all nodes have moved at once: they are where --cluster or --peers says, and the log is set right",
  ),
  "cluster-id": optional(
    "NAME",
    "the name of the cluster, the same on each node (default: made from the addresses it begins with)",
    parseClusterId,
  ),
  "data-dir": directory(
    "where this node keeps its log and snapshots, for itself alone (required for wal and level)",
  ),
  storage: choice({
    help: "wal: a log in files; level: a LevelDB database; both survive a crash; memory: nothing survives, for experiments (default wal)",
    values: ["wal", "level", "memory"],
    fallback: "wal",
  }),
  state: choice({
    help: "where the keys and values are: memory, made anew at each start from snapshot and log; level: a LevelDB database beside the log (default memory)",
    values: ["memory", "level"],
    fallback: "memory",
  }),
  "election-timeout-ms": integer({
    help: "a node that hears no leader stands for election after N to 2N ms; at least twice --heartbeat-ms (default 1000)",
    min: 4,
    max: 600_000,
    fallback: { value: 1000 },
  }),
  "heartbeat-ms": integer({
    help: "a leader is heard at least this often (default 125)",
    min: 2,
    max: 60_000,
    fallback: { value: 125 },
  }),
  "snapshot-bytes": integer({
    help: "a snapshot is taken when it makes this much of the log superfluous; more if the state is larger, up to four times (default 8388608)",
    min: 1,
    max: 2 ** 40,
    fallback: { value: 8 * 1024 * 1024 },
  }),
  "max-clock-drift-percent": integer<null>({
    help: "allows lease reads: the clocks of no two nodes differ in speed by more than this; the same on all nodes (default: no lease reads)",
    min: 0,
    max: 50,
    fallback: { value: null },
  }),
  "log-level": choice({
    help: "the least that is logged (default info)",
    values: LOG_LEVELS,
    fallback: "info",
  }),
};

export type ServeFlags = Arguments<typeof SERVE_FLAGS>["flags"];

/** Throws a UsageError for flags that do not go together. */
export function serveConfig(flags: ServeFlags): ServeConfig {
  const { id } = flags;
  const beginning = beginningOf(flags);
  const heartbeatMs = flags["heartbeat-ms"];
  const electionTimeoutMs = flags["election-timeout-ms"];
  if (electionTimeoutMs < 2 * heartbeatMs) {
    throw wrong(
      `--election-timeout-ms ${electionTimeoutMs} must be at least twice --heartbeat-ms ${heartbeatMs}`,
    );
  }
  return {
    id,
    listen: flags.listen ?? ownAddress(id, beginning),
    beginning,
    readdress: flags.readdress,
    clusterId: flags["cluster-id"],
    storage: storageOf(flags),
    state: stateTypeOf(flags),
    electionTimeoutMs,
    heartbeatMs,
    snapshotBytes: flags["snapshot-bytes"],
    maxClockDriftPercent: flags["max-clock-drift-percent"],
    logLevel: flags["log-level"],
  };
}

function beginningOf({ id, cluster, peers, join, readdress }: ServeFlags): Beginning {
  const given = Object.entries({ "--cluster": cluster, "--peers": peers, "--join": join })
    .filter(([, value]) => value !== null)
    .map(([name]) => name);
  if (given.length > 1) {
    throw wrong(`${given.join(" and ")} exclude each other: ${WHICH_ONE}`);
  }
  if (join !== null && readdress) {
    throw wrong("--readdress needs --cluster or --peers: --join does not say where the nodes are");
  }
  if (join !== null) return { type: "join", contacts: join };
  if (peers !== null) {
    if (!peers.has(id)) throw wrong(`--id ${id}: not in --peers, which has ${[...peers.keys()].join(", ")}`);
    return { type: "found", members: peers };
  }
  if (cluster === null) throw wrong(`--cluster A,B,C is missing, or --peers or --join: ${WHICH_ONE}`);
  const last = cluster.length - 1;
  if (id > last) {
    throw wrong(
      `--id ${id}: not a position in --cluster, which has 0 to ${last}; --peers takes ids of your choice, and --join adds a node to a cluster`,
    );
  }
  return { type: "found", members: new Map(cluster.map((address, position) => [position, address])) };
}

const WHICH_ONE =
  "--cluster or --peers for a node that the cluster begins with, --join for one that is added to it";

function ownAddress(id: number, beginning: Beginning): Address {
  const address = beginning.type === "found" ? beginning.members.get(id) : undefined;
  if (address === undefined)
    throw wrong("--listen HOST:PORT is missing: --join does not say where this node is");
  return address;
}

function storageOf(flags: ServeFlags): ServeConfig["storage"] {
  const type = flags.storage;
  if (type === "memory") return { type };
  const dir = flags["data-dir"];
  if (dir === null) throw wrong(`--data-dir DIR is missing: --storage ${type} keeps its files there`);
  return { type, dir };
}

function stateTypeOf({ state, storage }: ServeFlags): StateType {
  if (state === "memory" || storage !== "memory") return state;
  throw wrong(
    "--state level with --storage memory: a state that outlives its log fits no log; give --storage wal or level",
  );
}

/** The number after a slash counts how often the cluster was recovered. */
function parseClusterId(text: string): string {
  if (/^[A-Za-z0-9._-]{1,64}(?:\/\d{1,15})?$/.test(text)) return text;
  throw new FlagValueError("not a name of 1 to 64 letters, digits, dots, dashes and underscores");
}

function wrong(message: string): UsageError {
  return new UsageError(message, "serve");
}
