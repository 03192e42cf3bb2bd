import { setTimeout } from "node:timers/promises";
import { Admin } from "../client/admin.ts";
import { timeoutFlag, withConnections } from "../client/with-client.ts";
import { clusterToAsk, parseId } from "../cluster.ts";
import { type Command, defineCommand } from "../command.ts";
import { ExitCode } from "../exit-code.ts";
import type { Flag } from "../flags.ts";
import { handOver } from "../members/hand-over.ts";

const to: Flag<number | null> = {
  placeholder: "ID",
  help: "the node that is to lead (default: whoever is best prepared)",
  parse: parseId,
  fallback: { value: null },
};

export const transfer: Command = defineCommand({
  name: "transfer",
  summary: "make another node the leader",
  operands: [],
  flags: { cluster: clusterToAsk, to, "timeout-ms": timeoutFlag },
  notes: [
    "For maintenance of the node that leads: another one takes over within milliseconds. A node that is stopped by SIGTERM does this by itself.",
    "Exit code 1: nobody took over, and the same node leads as before. Exit code 4: there was no answer; eraft status tells who leads.",
  ],
  run: async ({ flags }, io) => {
    const contacts = flags.cluster.map(({ text }) => text);
    const line = await withConnections((connect) =>
      handOver(flags.to, {
        admin: new Admin(contacts, connect),
        timeoutMs: flags["timeout-ms"],
        now: () => performance.now(),
        sleep: (ms) => setTimeout(ms),
      }),
    );
    io.out(`${line}\n`);
    return ExitCode.ok;
  },
});
