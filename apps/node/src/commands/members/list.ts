import { Admin } from "../../client/admin.ts";
import { withConnections } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { ExitCode } from "../../exit-code.ts";
import { onOff } from "../../flags.ts";
import { formatMembers, membersJson } from "../../format/members.ts";

export const memberList: Command = defineCommand({
  name: "member list",
  summary: "show who belongs to the cluster",
  operands: [],
  flags: { cluster: clusterToAsk, json: onOff("print JSON instead of a table") },
  notes: [
    "STANDING: a voter counts in elections and commits; a learner gets all data and has no vote; a promotable one is a learner that becomes a voter when it has caught up. " +
      "Incoming, outgoing and demoted are voters in the middle of a change, rejoining one that came back without its data.",
    "INCARNATION is the name that a data directory gave itself when it was empty: a node with another one is not taken for the one it was.",
    "Exit code 1: no node answered.",
  ],
  run: async ({ flags }, io) => {
    const contacts = flags.cluster.map(({ text }) => text);
    const look = await withConnections((connect) => new Admin(contacts, connect).look());
    io.out(flags.json ? membersJson(look) : formatMembers(look));
    return ExitCode.ok;
  },
});
