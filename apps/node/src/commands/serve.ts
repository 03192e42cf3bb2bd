import type { Arguments } from "../args.ts";
import { type Address, DEMO_ADDRESSES, parseCluster } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import { type Flag, choice, directory, integer } from "../flags.ts";
import type { Io } from "../io.ts";
import { type JsonLogger, LOG_LEVELS, createLogger } from "../logger.ts";
import type { ServeConfig } from "../server/config.ts";
import { Server } from "../server/server.ts";
import { StopSignals } from "../stop-signals.ts";
import { withTimeLimit } from "../time-limit.ts";

/** More than the second that calls under way are given; a disk that hangs must not keep the process for ever. */
const STOP_LIMIT_MS = 5000;

const cluster: Flag<readonly Address[]> = {
  placeholder: "A,B,C",
  help: "addresses HOST:PORT of all nodes, the same list in the same order on each",
  parse: parseCluster,
  fallback: "required",
};

const flags = {
  id: integer({
    help: "which node this is: a position in --cluster, from 0",
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    fallback: "required",
  }),
  cluster,
  "data-dir": directory("where this node keeps its log and snapshots, for itself alone (required for wal)"),
  storage: choice({
    help: "wal: files that survive a crash; memory: nothing survives, for experiments (default wal)",
    values: ["wal", "memory"],
    fallback: "wal",
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
    help: "a snapshot is taken when it makes this much of the log superfluous (default 8388608)",
    min: 1,
    max: 2 ** 40,
    fallback: { value: 8 * 1024 * 1024 },
  }),
  "log-level": choice({
    help: "the least that is logged (default info)",
    values: LOG_LEVELS,
    fallback: "info",
  }),
};

type ServeFlags = Arguments<typeof flags>["flags"];

export const serve: Command = defineCommand({
  name: "serve",
  summary: "run one node of a cluster",
  operands: [],
  flags,
  notes: [
    `For example: eraft serve --id 0 --cluster ${DEMO_ADDRESSES.join(",")} --data-dir data/node-0`,
    'Prints one line that begins with "listening" on stdout when it can serve. Logs are JSON lines on stderr.',
    "GET /healthz answers 200 while the process is up, GET /readyz while the node serves and knows a leader.",
    "SIGTERM and SIGINT stop it cleanly, with exit code 0; a second one, more than a second later, at once.",
    "When its storage fails, the node stops serving at once and the process ends with exit code 1. Restarting it is safe: " +
      "the storage is verified when it is opened, and is refused if anything that was promised is missing.",
  ],
  run: async ({ flags }, io) => runServer(serveConfig(flags), io),
});

function serveConfig(flags: ServeFlags): ServeConfig {
  const { id, cluster } = flags;
  const last = cluster.length - 1;
  if (id > last) {
    throw new UsageError(`--id ${id}: not a position in --cluster, which has 0 to ${last}`, "serve");
  }
  const heartbeatMs = flags["heartbeat-ms"];
  const electionTimeoutMs = flags["election-timeout-ms"];
  if (electionTimeoutMs < 2 * heartbeatMs) {
    throw new UsageError(
      `--election-timeout-ms ${electionTimeoutMs} must be at least twice --heartbeat-ms ${heartbeatMs}`,
      "serve",
    );
  }
  return {
    id,
    cluster,
    storage: storageOf(flags),
    electionTimeoutMs,
    heartbeatMs,
    snapshotBytes: flags["snapshot-bytes"],
    logLevel: flags["log-level"],
  };
}

function storageOf(flags: ServeFlags): ServeConfig["storage"] {
  if (flags.storage === "memory") return { type: "memory" };
  const dir = flags["data-dir"];
  if (dir === null)
    throw new UsageError("--data-dir DIR is missing: --storage wal keeps its files there", "serve");
  return { type: "wal", dir };
}

/**
 * Serves until a signal or a failure.
 *
 * A failed node could stay, answering that it has failed. It ends instead: clients and peers find out at once from a refused connection,
 * and every supervisor knows what to do about a process that exits with an error. Restarting is safe even after a failed fsync, since
 * `WalStorage.open` writes again whatever the kernel may have dropped before it calls it durable.
 */
async function runServer(config: ServeConfig, io: Io): Promise<ExitCode> {
  const logger = createLogger({ node: config.id, level: config.logLevel, write: (line) => io.err(line) });
  const signals = new StopSignals(() => {
    logger.warn("Told to stop again: ending at once.");
    process.exit(ExitCode.failure);
  });
  try {
    return await serveUntilTold(new Server(config, logger), config, {
      io,
      logger,
      stopRequested: signals.first,
    });
  } finally {
    signals.dispose();
  }
}

async function serveUntilTold(
  server: Server,
  config: ServeConfig,
  host: { readonly io: Io; readonly logger: JsonLogger; readonly stopRequested: Promise<NodeJS.Signals> },
): Promise<ExitCode> {
  const { io, logger, stopRequested } = host;
  const stop = (): Promise<void> =>
    withTimeLimit(
      server.stop(),
      STOP_LIMIT_MS,
      () => new CommandError(`not stopped after ${STOP_LIMIT_MS} ms`),
    );
  try {
    // A signal may interrupt the start; then nobody waits for how that ends, but its rejection has been heard here.
    const first = await Promise.race([server.start().then(() => "started"), stopRequested]);
    if (first === "started") {
      io.out(listeningLine(config));
      const end = await Promise.race([stopRequested, server.failed]);
      if (end instanceof Error) throw end;
      logger.info("Stopping.", { signal: end });
    }
  } catch (error) {
    // What went wrong first is what the operator should read.
    await stop().catch(() => {});
    throw error;
  }
  await stop();
  logger.info("Stopped.");
  return ExitCode.ok;
}

function listeningLine({ id, cluster, storage }: ServeConfig): string {
  const where = storage.type === "wal" ? `data in ${storage.dir}` : "data in memory";
  return `listening on ${cluster[id]?.text}, node ${id} of ${cluster.length}, ${where}\n`;
}
