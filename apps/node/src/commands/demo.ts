import { fileURLToPath } from "node:url";
import { resolve } from "node:path";
import { parseCluster } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { prepareDataDirs } from "../demo/data-dirs.ts";
import { Demo } from "../demo/demo.ts";
import { nextSteps } from "../demo/next-steps.ts";
import { findPortInUse } from "../demo/ports.ts";
import { CommandError, UsageError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import { directory, integer } from "../flags.ts";
import { howToCall, whereUserStands } from "../how-to-call.ts";
import type { Io } from "../io.ts";
import { StopSignals } from "../stop-signals.ts";

const HOST = "127.0.0.1";
const MAX_PORT = 65_535;

export const demo: Command = defineCommand({
  name: "demo",
  summary: "run a cluster of separate processes on this machine, and bring back those that are killed",
  operands: [],
  flags: {
    nodes: integer({ help: "how many, 1 to 7 (default 3)", min: 1, max: 7, fallback: { value: 3 } }),
    "base-port": integer({
      help: "node 0 listens here, node 1 on the next port, and so on (default 5001)",
      min: 1,
      max: MAX_PORT,
      fallback: { value: 5001 },
    }),
    "data-dir": directory("where the nodes keep their data and logs (default data/demo-N for N nodes)"),
  },
  notes: [
    "Prints what to try next. The data stays when the demo ends, and the next one goes on with it. Ctrl-C stops all nodes; they also end when the demo itself is killed.",
  ],
  run: async ({ flags }, io) => {
    const { nodes } = flags;
    const basePort = flags["base-port"];
    if (basePort + nodes - 1 > MAX_PORT) {
      throw new UsageError(
        `--base-port ${basePort}: ${nodes} nodes need ports up to ${MAX_PORT} at most`,
        "demo",
      );
    }
    const ports = Array.from({ length: nodes }, (_, id) => basePort + id);
    const inUse = await findPortInUse(HOST, ports);
    if (inUse !== null) {
      throw new CommandError(
        `${HOST}:${inUse} is in use already: stop what runs there, or give another --base-port`,
      );
    }
    const dataDir = flags["data-dir"] ?? `data/demo-${nodes}`;
    return runDemo({ ports, dataDir, nodeDirs: prepareDataDirs(dataDir, nodes) }, io);
  },
});

interface DemoConfig {
  readonly ports: readonly number[];
  readonly dataDir: string;
  readonly nodeDirs: readonly string[];
}

async function runDemo({ ports, dataDir, nodeDirs }: DemoConfig, io: Io): Promise<ExitCode> {
  const script = fileURLToPath(new URL("../../bin/eraft.js", import.meta.url));
  const addresses = ports.map((port) => `${HOST}:${port}`);
  const cluster = parseCluster(addresses.join(","));
  const signals = new StopSignals(() => process.exit(ExitCode.failure));
  const ending = new AbortController();
  const demo = new Demo({ script, cluster, dataDir, nodeDirs, say: (line) => io.out(line) });
  const eraft = howToCall(process.argv[1] ?? script, whereUserStands());
  try {
    io.out(
      `Starting ${nodeDirs.length} ${nodeDirs.length === 1 ? "node" : "nodes"}; data and logs in ${resolve(dataDir)}\n`,
    );
    demo.start();
    const first = await Promise.race([demo.leader(ending.signal), signals.first, demo.failed]);
    if (typeof first === "object") {
      io.out(nextSteps({ eraft, addresses, dataDir, leader: first }));
      await Promise.race([signals.first, demo.failed]);
    }
    io.out("\nStopping all nodes.\n");
    return ExitCode.ok;
  } finally {
    ending.abort();
    await demo.stop();
    signals.dispose();
  }
}
