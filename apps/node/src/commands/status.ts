import type { Member } from "@eraft/core";
import { Admin } from "../client/admin.ts";
import { type NodeRow, clusterStatus } from "../client/cluster-status.ts";
import { type Connections, timeoutFlag, withClient, withConnections } from "../client/with-client.ts";
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
    "Asks every address for itself, and every member that is at none of them. A node that does not answer within a second is listed as Offline; its id is then that of the member at this address, or its position in --cluster.",
    "--json gives id, address, standing, state, term, last_applied, commit_index and storage_size of each node, and only the first four of one that is offline; standing only if a node tells who the members are, and null of one that is none.",
    "Exit code 1: no node answered.",
  ],
  run: async ({ flags }, io) => {
    const given = flags.cluster.map(({ text }) => text);
    const rows = await withConnections(async (connect) => {
      const members = await membersOf(given, connect);
      const others = (members ?? []).map(({ address }) => address).filter((address) => address !== "");
      const addresses = [...new Set([...given, ...others])];
      const rows = await withClient(addresses, flags["timeout-ms"], connect, (connections) =>
        clusterStatus(connections, members),
      );
      return withoutRepeats(rows, given.length);
    });
    io.out(flags.json ? statusJson(rows, { peers: flags.peers }) : formatStatus(rows));
    if (rows.some(({ online }) => online)) return ExitCode.ok;
    throw new CommandError("no node of the cluster answers");
  },
});

/** Null if nobody tells: a cluster that is down, or of Go nodes. What the nodes say for themselves tells which. */
async function membersOf(
  contacts: readonly string[],
  connect: Connections["connect"],
): Promise<readonly Member[] | null> {
  try {
    return (await new Admin(contacts, connect).look()).view.members;
  } catch (error) {
    if (error instanceof CommandError) return null;
    throw error;
  }
}

/** A node that was given by another name than its own, such as localhost, has been asked twice. */
function withoutRepeats(rows: readonly NodeRow[], given: number): readonly NodeRow[] {
  const seen = new Set(rows.slice(0, given).flatMap((row) => (row.online ? [row.id] : [])));
  return rows.filter(({ id }, at) => at < given || !seen.has(id));
}
