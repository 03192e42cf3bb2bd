import type { Mutant } from "../src/mutant.ts";

/** How new the answer to a GET is. */
export const KV_CONSISTENCY: readonly Mutant[] = [
  {
    id: "kv/consistency-not-passed-on",
    bug: "reads as new as possible, whatever was asked for",
    file: "packages/kv/src/server/kvraft-routes.ts",
    find: "return readResult(await node.read({ key: request.key }, options));",
    replace: "return readResult(await node.read({ key: request.key }, { signal: options.signal }));",
  },
  {
    id: "kv/unknown-consistency-is-stale",
    bug: "answers from an old state when it does not understand how new it has to be",
    file: "packages/kv/src/server/kvraft-routes.ts",
    find: "if (known !== undefined) return known;",
    replace: 'return known ?? "stale";',
  },
  {
    id: "kv/consistency-not-sent",
    bug: "does not tell the server that an older answer would do",
    file: "packages/kv/src/client/attempt.ts",
    find: 'consistency === "linearizable" ?',
    replace: 'consistency !== "linearizable" || consistency === "linearizable" ?',
  },
  {
    id: "kv/reader-taken-for-leader",
    bug: "sends writes to whoever answered a read",
    file: "packages/kv/src/client/leader-finder.ts",
    find: "this.#leader ??= address;",
    replace: "this.#leader = address;",
  },
  {
    id: "kv/stale-reads-burden-the-leader",
    bug: "sends all stale reads to the leader",
    file: "packages/kv/src/client/retry-loop.ts",
    find: 'request.kind === "staleRead" ? finder.next() : finder.first()',
    replace: "finder.first()",
  },
];
