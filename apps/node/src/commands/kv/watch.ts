import type { KvChange, KvUpdate } from "@eraft/kv";
import { timeoutFlag, withStore } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { ExitCode } from "../../exit-code.ts";
import { integer } from "../../flags.ts";
import { jsonChange } from "../../format/item-json.ts";
import { escaped } from "../../format/text.ts";
import { StopSignals } from "../../stop-signals.ts";
import { escapedFlag, jsonLinesFlag, rangeFlags, rangeOf } from "./shared.ts";

export const watch: Command = defineCommand({
  name: "watch",
  summary: "print changes as they happen",
  operands: ["[PREFIX]"],
  flags: {
    cluster: clusterToAsk,
    ...rangeFlags,
    from: integer<null>({
      help: "the first revision to tell, also one that is past (default: the next one)",
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      fallback: { value: null },
    }),
    limit: integer<null>({
      help: "end after so many changes",
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      fallback: { value: null },
    }),
    escaped: escapedFlag,
    json: jsonLinesFlag,
    "timeout-ms": timeoutFlag,
  },
  examples: [
    ["watch", "everything that changes from now on"],
    ["watch user/", "the keys that begin with user/"],
    ["watch --from 1", "from the first change that is still known"],
    ["watch job/ --limit 1", "wait for one change"],
    ["watch --json | while read -r line; do ...; done", "for programs"],
  ],
  notes: [
    "Prints a line for each change: its revision, put or delete, the key, and the value after a tab. Each once and in order, whatever becomes of the nodes: when one fails, the next is asked.",
    "Ends with Ctrl-C, and then says with which revision to go on. Gives up when no node has answered for --timeout-ms.",
    "Exit code 1: also when the revision that is asked for is not kept any more, or has not happened yet.",
  ],
  run: async ({ flags, operands: [prefix] }, io) => {
    const range = rangeOf("watch", prefix, flags);
    const { cluster, from, limit, json } = flags;
    const signals = new StopSignals(() => process.exit(ExitCode.failure));
    try {
      await withStore(cluster, flags["timeout-ms"], async (store) => {
        const patienceMs = flags["timeout-ms"];
        const changes = store.watch(range, { patienceMs, ...(from === null ? {} : { fromRevision: from }) });
        void signals.first.then(() => changes.close());
        if (io.isWatched) {
          const revision = await changes.started();
          io.err(`watching from revision ${revision + 1}; Ctrl-C ends it\n`);
        }
        const next = await print(changes.updates(), limit, async (change) => {
          io.out(json ? `${JSON.stringify(jsonChange(change))}\n` : line(change));
          await io.drained();
        });
        if (io.isWatched && next !== null) io.err(`to go on from here: eraft watch --from ${next}\n`);
      });
    } finally {
      signals.dispose();
    }
    return ExitCode.ok;
  },
});

/** Resolves with the revision to go on with; null if it has not begun. */
async function print(
  updates: AsyncIterable<KvUpdate>,
  limit: number | null,
  tell: (change: KvChange) => Promise<void>,
): Promise<number | null> {
  let next: number | null = null;
  let told = 0;
  for await (const { changes, revision } of updates) {
    for (const [at, change] of changes.entries()) {
      await tell(change);
      told += 1;
      // A revision of which not all was told comes again as a whole.
      if (told === limit) return changes[at + 1]?.revision ?? revision + 1;
    }
    next = revision + 1;
  }
  return next;
}

function line({ revision, type, key, item }: KvChange): string {
  const value = item === null ? "" : `\t${escaped(item.value)}`;
  return `${revision} ${type} ${escaped(key)}${value}\n`;
}
