import { clusterStatus } from "../client/cluster-status.ts";
import { timeoutFlag, withClientOf } from "../client/with-client.ts";
import { clusterToAsk } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import { onOff } from "../flags.ts";
import { formatStatus, statusJson } from "../format/status.ts";

export const status: Command = defineCommand({
  name: "status",
  summary: "show the nodes of a cluster",
  operands: [],
  flags: {
    cluster: clusterToAsk,
    json: onOff("print a JSON array instead of a table"),
    peers: onOff("add to the JSON what each node knows of the others"),
    "timeout-ms": timeoutFlag,
  },
  notes: [
    "Asks every address for itself and waits a second at most. A node that does not answer is listed as Offline; its id is then its position in --cluster.",
    "--json gives id, address, state, term, last_applied, commit_index and storage_size of each node, and only the first three of one that is offline.",
    "Exit code 1: no node answered.",
  ],
  run: async ({ flags }, io) => {
    const rows = await withClientOf(flags.cluster, flags["timeout-ms"], (connections) =>
      clusterStatus(flags.cluster, connections),
    );
    io.out(flags.json ? statusJson(rows, { peers: flags.peers }) : formatStatus(rows));
    if (rows.some(({ online }) => online)) return ExitCode.ok;
    throw new CommandError("no node of the cluster answers");
  },
});
