import { resolve } from "node:path";
import { type Address, parsePeers } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { CommandError, UsageError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import { type Flag, FlagValueError, integer, onOff } from "../flags.ts";
import { describeRecovery } from "../recover/describe.ts";
import { recover as recoverFrom } from "../recover/recover.ts";
import { storageTypeOf } from "../server/data-dir.ts";

const dataDir: Flag<string> = {
  placeholder: "DIR",
  help: "the data directory that is left, of a node that does not run",
  parse: (text) => {
    if (text !== "") return text;
    throw new FlagValueError("not the name of a directory");
  },
  fallback: "required",
};

const id: Flag<number> = integer({
  help: "the node whose directory this is",
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
  fallback: "required",
});

const peers: Flag<ReadonlyMap<number, Address>> = {
  placeholder: "0=A,1=B",
  help: "the nodes of the new cluster, this one among them; all others begin with an empty directory",
  parse: parsePeers,
  fallback: "required",
};

export const recover: Command = defineCommand({
  name: "recover",
  summary: "build a new cluster from one disk when a majority is lost for good",
  operands: [],
  flags: {
    "data-dir": dataDir,
    id,
    peers,
    yes: onOff("do it; otherwise only tell what would be done"),
  },
  notes: [
    "The last resort: writes that were acknowledged can be lost. As long as a majority of the voters has its disks, nothing is lost by starting these nodes again, and " +
      "eraft member replaces the others.",
    "Stop all nodes first. Run this without --yes for every directory that is left, and with it for the one whose log ends last. Then start that node, and the others with empty directories by: " +
      "eraft serve --id ID --join A --listen HOST:PORT --data-dir DIR",
  ],
  run: async ({ flags }, io) => {
    const { id, peers, yes } = flags;
    const dir = flags["data-dir"];
    const self = peers.get(id);
    if (self === undefined) {
      throw new UsageError(
        `--id ${id}: not in --peers, which has ${[...peers.keys()].join(", ")}`,
        "recover",
      );
    }
    const plan = await recoverFrom({
      dir,
      id,
      peers,
      confirm: (survivor, plan) => {
        io.out(describeRecovery(resolve(dir), survivor, plan));
        return yes;
      },
    });
    if (plan === null) throw new CommandError("nothing was changed: --yes does it");
    const flag = storageTypeOf(dir) === "level" ? " --storage level" : "";
    io.out(`\nDone. Start it: eraft serve --id ${id} --peers ${id}=${self.text} --data-dir ${dir}${flag}\n`);
    return ExitCode.ok;
  },
});
