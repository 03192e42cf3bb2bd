import { DEMO_ADDRESSES } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { type JsonLogger, createLogger } from "../logger.ts";
import type { ServeConfig } from "../server/config.ts";
import { type Started, Server } from "../server/server.ts";
import { StopSignals } from "../stop-signals.ts";
import { withTimeLimit } from "../time-limit.ts";
import { addThisNode } from "./join-advice.ts";
import { SERVE_FLAGS, serveConfig } from "./serve-flags.ts";

/** More than the second that calls under way are given; a disk that hangs must not keep the process for ever. */
const STOP_LIMIT_MS = 5000;

export const serve: Command = defineCommand({
  name: "serve",
  summary: "run one node of a cluster",
  operands: [],
  flags: SERVE_FLAGS,
  notes: [
    `A node that the cluster begins with: eraft serve --id 0 --cluster ${DEMO_ADDRESSES.join(",")} --data-dir data/node-0`,
    `A node for a cluster that is there already: eraft serve --id 3 --listen 127.0.0.1:5004 --join ${DEMO_ADDRESSES[0]} --data-dir data/node-3, and then: eraft member add 3 127.0.0.1:5004`,
    "Once the data directory says who the members are, that counts, and not --cluster, --peers or --join: the command line of a node can stay as it is.",
    'Prints one line that begins with "listening" on stdout when it can serve. Logs are JSON lines on stderr.',
    "GET /healthz answers 200 while the process is up, GET /readyz while the node serves and knows a leader.",
    "SIGTERM and SIGINT stop it cleanly, with exit code 0; a second one, more than a second later, at once.",
    "When its storage fails, the node stops serving at once and the process ends with exit code 1. Restarting it is safe: " +
      "the storage is verified when it is opened, and is refused if anything that was promised is missing.",
  ],
  run: async ({ flags }, io) => runServer(serveConfig(flags), io),
});

/**
 * Serves until a signal or a failure.
 *
 * A failed node could stay, answering that it has failed. It ends instead: clients and peers find out at once from a refused connection,
 * and every supervisor knows what to do about a process that exits with an error. Restarting is safe even after a failed fsync, since
 * both storages write again what the kernel may have dropped before they call it durable: `WalStorage.open` its last record, LevelDB its whole log.
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
    const first = await Promise.race([server.start(), stopRequested]);
    if (typeof first === "object") {
      io.out(listeningLine(config, first));
      io.out(addThisNode(config, first));
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

function listeningLine({ id, listen, storage }: ServeConfig, { members }: Started): string {
  const where = storage.type === "memory" ? "data in memory" : `data in ${storage.dir}`;
  const isMember = members.some((member) => member.id === id);
  return `listening on ${listen.text}, node ${id}${isMember ? ` of ${members.length}` : ""}, ${where}\n`;
}
