import type { Mutant } from "../src/mutant.ts";

const WAITS = "packages/runtime/src/waits.ts";
const NODE = "packages/runtime/src/node.ts";
const TYPED = "packages/runtime/src/typed-state-machine.ts";
const OPEN = "packages/runtime/src/open.ts";
const CODECS = "packages/runtime/src/codecs.ts";

/** What applications wait for, and commands that are not bytes. */
export const RUNTIME_EMBEDDING: readonly Mutant[] = [
  {
    id: "runtime/wait-misses-what-is-there",
    bug: "waits for the next change though what it waits for is there already",
    file: WAITS,
    find: "    if (isDone()) waiting.resolve();\n",
    replace: "",
  },
  {
    id: "runtime/wait-outlives-the-node",
    bug: "lets callers wait for a node that was stopped",
    file: NODE,
    find: "    this.#waits.end(new StoppedError());\n",
    replace: "",
  },
  {
    id: "runtime/wait-outlives-a-failure",
    bug: "lets callers wait for a node that has failed",
    file: NODE,
    find: "    this.#waits.end(failure);\n",
    replace: "",
  },
  {
    id: "runtime/wait-unbounded",
    bug: "takes any number of waits",
    file: WAITS,
    find: "    if (this.#waiting.size >= this.#max) throw new BusyError();\n",
    replace: "",
  },
  {
    id: "runtime/wait-keeps-its-timer",
    bug: "leaves the timer of a wait that is over",
    file: WAITS,
    find: '      limit?.removeEventListener("abort", onAbort);\n',
    replace: "",
  },
  {
    id: "runtime/wait-ignores-snapshots",
    bug: "does not notice that a snapshot has brought what it waits for",
    file: WAITS,
    find: 'for (const name of ["leader", "commit", "snapshot"] as const)',
    replace: 'for (const name of ["leader"] as const)',
  },
  {
    id: "runtime/wait-applied-too-early",
    bug: "takes the entry before for the one that is waited for",
    file: NODE,
    find: "this.#applier.lastApplied >= index, this.#limit",
    replace: "this.#applier.lastApplied + 1 >= index, this.#limit",
  },
  {
    id: "runtime/caught-up-with-itself",
    bug: "takes what it has for all there is, without asking who leads",
    file: NODE,
    find: 'engine.loop.push({ type: "read", id, consistency: "linearizable" });\n          settle(',
    replace: "this.#requests.readable(id);\n          void engine;\n          settle(",
  },
  {
    id: "runtime/caught-up-gives-up",
    bug: "does not go on when there is no leader yet",
    file: NODE,
    find: "const isPassing = error instanceof NotLeaderError || error instanceof BusyError;",
    replace: "const isPassing = error instanceof BusyError;",
  },
  {
    id: "runtime/typed-malformed-throws",
    bug: "stops every server at bytes that are no command",
    file: TYPED,
    find: "  } catch {\n    return null;\n  }",
    replace: "  } catch (error) {\n    throw error;\n  }",
  },
  {
    id: "runtime/typed-bug-taken-for-malformed",
    bug: "takes what apply throws for bytes that are no command",
    file: TYPED,
    find: "        const result = decoded === null ? malformed(index) : apply(decoded.command, index);\n",
    replace:
      "        let result: Result | Promise<Result>;\n        try {\n          result = decoded === null ? malformed(index) : apply(decoded.command, index);\n        } catch {\n          result = malformed(index);\n        }\n",
  },
  {
    id: "runtime/typed-snapshot-taken-late",
    bug: "writes the state when the snapshot is read, not when it is taken",
    file: TYPED,
    find: "    snapshot: () => cut(states.encode(save())),",
    replace: "    snapshot: async function* () {\n      yield* cut(states.encode(save()));\n    },",
  },
  {
    id: "runtime/typed-results-not-awaited",
    bug: "gives a promise for a result",
    file: TYPED,
    find: "results.push(result instanceof Promise ? await result : result);",
    replace: "results.push(result as Result);",
  },
  {
    id: "runtime/json-takes-broken-text",
    bug: "reads bytes that are no UTF-8 as something else",
    file: CODECS,
    find: "{ fatal: true }",
    replace: "{ fatal: false }",
  },
  {
    id: "runtime/json-unchecked",
    bug: "does not check what it has read",
    file: CODECS,
    find: "decode: (encoded) => check(encoded.length === 0 ? undefined : JSON.parse(decoder.decode(encoded))),",
    replace:
      "decode: (encoded) => (void check, encoded.length === 0 ? undefined : JSON.parse(decoder.decode(encoded))) as T,",
  },
  {
    id: "runtime/own-disk-restored-anyway",
    bug: "reads the whole snapshot at every start, though the state machine has more than that",
    file: OPEN,
    find: "  if (applied < lastIncludedIndex) {",
    replace: "  if (lastIncludedIndex > 0) {",
  },
  {
    id: "runtime/own-disk-ahead-accepted",
    bug: "takes a state machine that is ahead of the log for one that is at its end",
    file: OPEN,
    find: "restored.entries.find(({ index }) => index === applied);",
    replace: "restored.entries.findLast(({ index }) => index <= applied);",
  },
  {
    id: "runtime/own-disk-index-unchecked",
    bug: "believes whatever number a state machine gives",
    file: OPEN,
    find: "    if (Number.isSafeInteger(applied) && applied >= 0) return applied;\n",
    replace: "    if (applied !== null) return applied;\n",
  },
];
