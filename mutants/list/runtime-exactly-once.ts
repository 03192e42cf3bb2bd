import type { Mutant } from "../src/mutant.ts";

const MACHINE = "packages/runtime/src/sessions/with-sessions.ts";
const ENVELOPE = "packages/runtime/src/sessions/envelope.ts";
const SNAPSHOT = "packages/runtime/src/sessions/snapshot.ts";
const READER = "packages/runtime/src/sessions/chunk-reader.ts";
const CLIENT = "packages/runtime/src/sessions/session-client.ts";
const WRITE = "packages/runtime/src/sessions/client-write.ts";
const FINDER = "packages/runtime/src/sessions/server-finder.ts";
const DEADLINE = "packages/runtime/src/deadline.ts";

/** A state machine with sessions, its client, and deadlines. */
export const RUNTIME_EXACTLY_ONCE: readonly Mutant[] = [
  {
    id: "runtime/once-repeat-in-batch-applied",
    bug: "does a write twice that comes twice in one batch",
    file: MACHINE,
    find: '        if (claim.type === "repeated") return () => this.#repeat(claim.slot);\n        if (claim.type !== "new") return () => claim;\n',
    replace:
      '        if (claim.type === "repeated" && due.length === 0) return () => this.#repeat(claim.slot);\n        if (claim.type === "expired" || claim.type === "outOfWindow") return () => claim;\n        if (claim.type === "repeated") {\n          const again = due.push({ index, command: envelope.command }) - 1;\n          return (results) => ({ type: "done", result: results[again] as Result });\n        }\n',
  },
  {
    id: "runtime/once-table-outlives-restore",
    bug: "keeps its sessions when the state is replaced: what was done before the snapshot is done again",
    file: MACHINE,
    find: "    this.#table = table;\n  }",
    replace: "    void table;\n  }",
  },
  {
    id: "runtime/once-own-disk-accepted",
    bug: "takes a state machine that has forgotten its sessions and not its data",
    file: MACHINE,
    find: "    if (index === 0) return 0;\n",
    replace: "    if (index >= 0) return index;\n",
  },
  {
    id: "runtime/once-malformed-throws",
    bug: "throws at bytes in the log that say nothing, on every server and again after each restart",
    file: ENVELOPE,
    find: "      if (bytes.length <= SESSION_OVERHEAD_BYTES) return null;\n",
    replace: "",
  },
  {
    id: "runtime/once-view-taken-late",
    bug: "fixes the sessions when the snapshot is read, and the state when it is begun",
    file: SNAPSHOT,
    find: "  const chunks = write(head, sessions, rest);",
    replace:
      "  void sessions;\n  const chunks = (async function* () {\n    yield* write(head, table.view(), rest);\n  })();",
  },
  {
    id: "runtime/once-inner-snapshot-leaks",
    bug: "does not tell the state machine inside that its snapshot was given up",
    file: SNAPSHOT,
    find: "    await rest.return?.();\n",
    replace: "",
  },
  {
    id: "runtime/once-other-limits-accepted",
    bug: "takes a snapshot made with other limits: sessions expire on some servers only",
    file: SNAPSHOT,
    find: "if (maxSessions !== table.maxSessions || maxResults !== table.maxResults) {",
    replace: "if (maxSessions > table.maxSessions) {",
  },
  {
    id: "runtime/once-snapshot-one-chunk",
    bug: "makes one chunk of all sessions",
    file: SNAPSHOT,
    find: "    if (size < CHUNK_BYTES) continue;\n",
    replace: "    if (size < CHUNK_BYTES * 1000) continue;\n",
  },
  {
    id: "runtime/once-rest-of-chunk-lost",
    bug: "loses what follows the sessions in the same chunk",
    file: READER,
    find: "      if (this.#left.length > 0) yield this.#left;\n",
    replace: "",
  },
  {
    id: "runtime/client-new-number-for-retry",
    bug: "gives a write another number when it sends it again",
    file: CLIENT,
    find: "        onUnknown: () => (write.mayBeDone = true),",
    replace:
      "        onUnknown: () => {\n          write.mayBeDone = true;\n          epoch.number(write);\n        },",
  },
  {
    id: "runtime/client-expired-done-again",
    bug: "repeats a write in a new session though it may have been done in the old one",
    file: CLIENT,
    find: "    if (write.mayBeDone) this.#end(write, () => write.reject(new SessionExpiredError()));\n    else this.#waiting.unshift(write);",
    replace: "    this.#waiting.unshift(write);",
  },
  {
    id: "runtime/client-unknown-taken-for-not-done",
    bug: "takes an error that says nothing for one that says that nothing was done",
    file: FINDER,
    find: 'advice === "elsewhere" || advice === "later" ? "no" : "perhaps"',
    replace: 'advice !== "only-if-idempotent" ? "no" : "perhaps"',
  },
  {
    id: "runtime/client-gives-up-too-much",
    bug: "says that it has the answers of all writes below the one it sends, though some are under way",
    file: WRITE,
    find: "firstUnanswered: Math.min(this.#firstUnanswered, sequence)",
    replace: "firstUnanswered: sequence",
  },
  {
    id: "runtime/client-keeps-all-answers",
    bug: "never says which answers it has",
    file: WRITE,
    find: "    if (epoch === this) this.#unanswered.delete(sequence);",
    replace: "    if (epoch !== this) this.#unanswered.delete(sequence);",
  },
  {
    id: "runtime/client-leaves-the-window",
    bug: "runs ahead of a write that gets no answer until servers refuse it",
    file: WRITE,
    find: "    return this.#last + 1 - this.#firstUnanswered <= SESSION_WINDOW;",
    replace: "    return this.#last + 1 - this.#firstUnanswered <= 2 * SESSION_WINDOW;",
  },
  {
    id: "runtime/client-unbounded-inflight",
    bug: "sends everything at once",
    file: CLIENT,
    find: "while (epoch.inflight < this.#maxInflight && epoch.hasRoom) {",
    replace: "while (epoch.hasRoom) {",
  },
  {
    id: "runtime/client-hammers",
    bug: "asks again and again without a pause when no server leads",
    file: FINDER,
    find: 'if (advice === "later" || failures % this.#servers.length === 0) await this.#pause(failures);',
    replace: 'if (advice === "later") await this.#pause(failures);',
  },
  {
    id: "runtime/client-ignores-the-hint",
    bug: "asks one server after the other though it was told who leads",
    file: FINDER,
    find: "this.#at = leader >= 0 && leader !== at ? leader : (at + 1) % this.#servers.length;",
    replace: "this.#at = (at + 1 + 0 * leader) % this.#servers.length;",
  },
  {
    id: "runtime/client-given-up-still-wanted",
    bug: "goes on with a write that its caller has given up",
    file: CLIENT,
    find: "    epoch?.answered(write);\n    this.#pump();\n  }\n\n  #end",
    replace: "    this.#pump();\n  }\n\n  #end",
  },
  {
    id: "runtime/deadline-leaves-its-timer",
    bug: "leaves a timer behind for every request that had a deadline",
    file: DEADLINE,
    find: "    this.#cancel();\n",
    replace: "",
  },
  {
    id: "runtime/deadline-replaces-signal",
    bug: "does not listen to the signal where there is a deadline",
    file: DEADLINE,
    find: "    this.#signal?.addEventListener(type, listener);\n",
    replace: "",
  },
];
