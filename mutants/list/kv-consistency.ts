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
    id: "kv/consistency-of-bytes-not-passed-on",
    bug: "reads as new as possible what it read from bytes, whatever was asked for",
    file: "packages/kv/src/server/text-reads.ts",
    find: "{ signal, consistency }",
    replace: "{ signal }",
  },
  {
    id: "kv/reads-of-other-consistencies-joined",
    bug: "asks as one question what is to be new and what may be old",
    file: "packages/kv/src/server/text-reads.ts",
    find: "let group = this.#open.get(consistency);",
    replace: "let group = [...this.#open.values()][0];",
  },
  {
    id: "kv/reads-join-what-was-asked-before",
    bug: "answers a read from what was asked before it began",
    file: "packages/kv/src/server/text-reads.ts",
    find: "      if (this.#open.get(consistency) === group) this.#open.delete(consistency);\n",
    replace: "",
  },
  {
    id: "kv/answers-of-reads-shifted",
    bug: "gives a read the answer of the next one",
    file: "packages/kv/src/server/text-reads.ts",
    find: "const position = group.keys.push(key) - 1;",
    replace: "const position = group.keys.push(key) % group.keys.length;",
  },
  {
    id: "kv/length-of-long-values-cut",
    bug: "answers with values of more than 16 KiB under a length that is not theirs",
    file: "packages/kv/src/server/kvraft-bytes.ts",
    find: "length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : 4",
    replace: "2",
  },
  {
    id: "kv/unknown-consistency-is-stale",
    bug: "answers from an old state when it does not understand how new it has to be",
    file: "packages/kv/src/server/kvraft-context.ts",
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
