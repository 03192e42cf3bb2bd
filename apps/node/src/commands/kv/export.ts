import { timeoutFlag, withStore } from "../../client/with-client.ts";
import { clusterToAsk } from "../../cluster.ts";
import { type Command, defineCommand } from "../../command.ts";
import { footerLine, headerLine, itemLine } from "../../dump/format.ts";
import { Progress, itemCount } from "../../dump/progress.ts";
import { targetOf } from "../../dump/target.ts";
import { ExitCode } from "../../exit-code.ts";
import { text } from "../../flags.ts";
import { consistencyFlag, escapedFlag, rangeFlags, rangeOf } from "./shared.ts";

export const exportItems: Command = defineCommand({
  name: "export",
  summary: "write all keys and values to a file",
  operands: ["[FILE]"],
  flags: {
    cluster: clusterToAsk,
    prefix: text("KEY", "only the keys that begin so"),
    ...rangeFlags,
    consistency: consistencyFlag,
    escaped: escapedFlag,
    "timeout-ms": timeoutFlag,
  },
  examples: [
    ["export backup.jsonl", "everything, into a file"],
    ["export --prefix user/ | gzip > users.gz", "a part, to stdout"],
    ["export - | eraft import - --cluster B:5001", "into another cluster"],
  ],
  notes: [
    'Lines of JSON, in order of the keys: {"eraft_export":1}, then {"key":...,"value":...} for each item (key_base64, value_base64 for bytes that are no UTF-8), last {"items":N}. ' +
      "A file without its last line was cut off; eraft import notices.",
    "FILE appears when it is complete (until then FILE.part), and replaces what was there: an export can be repeated at any time. Without FILE, and for -, it goes to stdout.",
    "Page after page is read: of what is written meanwhile, some may be in the export. Each page is one state, and no key is missing that was there all the time. --timeout-ms is for each page.",
  ],
  run: async ({ flags, operands: [file = "-"] }, io) => {
    const range = rangeOf("export", flags.prefix ?? undefined, flags);
    const { cluster, consistency } = flags;
    const progress = new Progress(io);
    const items = await withStore(
      cluster,
      flags["timeout-ms"],
      async (store) => {
        // The first page before the file: if nobody answers, nothing is touched.
        const pages = store.scan(range, { consistency })[Symbol.asyncIterator]();
        let next = await pages.next();
        const target = await targetOf(file, io);
        try {
          await target.write(headerLine());
          let items = 0;
          for (; next.done !== true; next = await pages.next()) {
            await target.write(itemLine(next.value));
            items += 1;
            progress.show(`exported ${itemCount(items)}`);
          }
          await target.write(footerLine(items));
          await target.commit();
          return items;
        } catch (error) {
          await target.abort();
          throw error;
        } finally {
          progress.clear();
        }
      },
      { only: consistency === "stale" },
    );
    io.err(`exported ${itemCount(items)}${file === "-" ? "" : ` to ${file}`}\n`);
    return ExitCode.ok;
  },
});
