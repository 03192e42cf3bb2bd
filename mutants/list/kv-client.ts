import type { Mutant } from "../src/mutant.ts";

const SRC = "packages/kv/src/client";
const CLIENT = `${SRC}/kv-client.ts`;
const SESSIONS = `${SRC}/write-sessions.ts`;
const FAILURE = `${SRC}/failure.ts`;
const WATCH = `${SRC}/watch.ts`;
const STREAM = `${SRC}/stream.ts`;

/** The client of `eraft.kv.v1`: sessions, watches, streams. */
export const KV_CLIENT: readonly Mutant[] = [
  {
    id: "kv/client-leaves-the-window",
    bug: "sends a write whose number is beyond what servers keep answers for",
    file: SESSIONS,
    find: "this.#next - this.#firstUnanswered < SESSION_WINDOW;",
    replace: "this.#next - this.#firstUnanswered <= SESSION_WINDOW;",
  },
  {
    id: "kv/client-gives-up-what-is-under-way",
    bug: "tells the servers that it needs no answers to writes that have none yet",
    file: SESSIONS,
    find: "    for (const sequence of this.#unanswered) return sequence;\n",
    replace: "",
  },
  {
    id: "kv/client-lets-calls-pass",
    bug: "a write that gives up waiting lets those behind it pass those before it",
    file: SESSIONS,
    find: "      void before.then(pass);",
    replace: "      void before;\n      pass();",
  },
  {
    id: "kv/client-retries-under-another-number",
    bug: "sends a write again as a new one",
    like: ["S10"],
    file: CLIENT,
    find: "serial: session.serial(sequence) }));",
    replace: "serial: session.serial(session.begin() - 1 + (sequence > 0 ? 1 : 0)) }));",
  },
  {
    id: "kv/client-repeats-in-another-session",
    bug: "does a write again in a new session although the old one may have done it",
    file: CLIENT,
    find: 'return error.outcome === "not-done";',
    replace: "return true;",
  },
  {
    id: "kv/client-keeps-a-forgotten-session",
    bug: "goes on with a session that the servers do not know any more",
    file: CLIENT,
    find: "    this.#sessions.forget(session);\n",
    replace: "",
  },
  {
    id: "kv/client-stranger-to-its-own-addresses",
    bug: "does not recognise the leader's address if it was given with http://",
    file: `${SRC}/leader-finder.ts`,
    find: 'address.replace(/^https?:\\/\\//, "")',
    replace: "address",
  },
  {
    id: "kv/client-lost-leadership-is-not-done",
    bug: "takes a write for not done whose leader has lost its leadership",
    file: FAILURE,
    find: "return failed(error, effect, { hint:",
    replace: 'return failed(error, "none", { hint:',
  },
  {
    id: "kv/client-refusal-in-doubt",
    bug: "does not believe that a write was refused after an attempt without an answer",
    file: FAILURE,
    find: 'return { type: "refused", reason: "storeFull", final: true, error };',
    replace: 'return { type: "refused", reason: "storeFull", final: false, error };',
  },
  {
    id: "kv/client-sends-what-changes",
    bug: "sends again whatever is in the caller's array by then",
    file: `${SRC}/arguments.ts`,
    find: "return new Uint8Array(bytes);",
    replace: "return bytes;",
  },
  {
    id: "kv/client-drops-a-byte-order-mark",
    bug: "leaves out the first three bytes of some values",
    file: `${SRC}/item.ts`,
    find: "ignoreBOM: true",
    replace: "ignoreBOM: false",
  },
  {
    id: "kv/client-scan-without-end",
    bug: "goes on with a scan beyond its limit",
    file: `${SRC}/scan.ts`,
    find: "    left -= items.length;\n",
    replace: "",
  },
  {
    id: "kv/watch-repeats",
    bug: "goes on with the revision that it has been told last",
    file: WATCH,
    find: "this.#arrived + 1);\n    const request",
    replace: "this.#arrived);\n    const request",
  },
  {
    id: "kv/watch-skips",
    bug: "goes on one revision too late",
    file: WATCH,
    find: "this.#arrived + 1);\n    const request",
    replace: "this.#arrived + (this.#attempts > 1 ? 2 : 1));\n    const request",
  },
  {
    id: "kv/watch-believes-everything",
    bug: "tells what a server tells twice or out of order",
    file: WATCH,
    find: "    this.#check(value);\n",
    replace: "    if (value.revision < 0n) this.#check(value);\n",
  },
  {
    id: "kv/watch-never-compacted",
    bug: "asks again and again for what is not kept any more",
    file: WATCH,
    find: "    if (failure?.reason === Reason.COMPACTED) {",
    replace: "    if (failure?.reason === Reason.COMPACTED && this.#attempts < 0) {",
  },
  {
    id: "kv/watch-believes-who-is-behind",
    bug: "ends at a server that is behind",
    file: WATCH,
    find: "if (asked > current + 1) throw",
    replace: "if (asked > 0) throw",
  },
  {
    id: "kv/watch-waits-for-the-dead",
    bug: "waits for ever for a server that has fallen silent",
    file: WATCH,
    find: "stream.hasBegun ? idleMs : attemptTimeoutMs;",
    replace: "stream.hasBegun ? idleMs * 1e6 : attemptTimeoutMs;",
  },
  {
    id: "kv/watch-believes-who-is-cut-off",
    bug: "listens for ever to a server that says that there is nothing new, and is cut off",
    file: WATCH,
    find: "    if (arrived < this.#overdue) {",
    replace: "    if (arrived < this.#overdue && arrived < 0) {",
  },
  {
    id: "kv/watch-patience-wears-out",
    bug: "adds up all outages that it has ever seen",
    file: WATCH,
    find: "        this.#outageSinceMs = null;\n",
    replace: "",
  },
  {
    id: "kv/watch-ahead-of-itself",
    bug: "says that a change was dealt with that has only been handed out",
    file: WATCH,
    find: "        yield { changes: response.changes.map(changeOf), revision };\n        this.#handedOut = revision;\n",
    replace:
      "        this.#handedOut = revision;\n        yield { changes: response.changes.map(changeOf), revision };\n",
  },
  {
    id: "kv/stream-sends-again-at-the-end",
    bug: "sends what has to be sent again after what was called later",
    file: STREAM,
    find: "    this.#waiting.putBack([...this.#homeless.splice(0), ...this.#inFlight.values()].toSorted(byAge));\n",
    replace:
      "    for (const call of [...this.#homeless.splice(0), ...this.#inFlight.values()]) this.#waiting.push(call);\n    byAge satisfies unknown;\n",
  },
  {
    id: "kv/stream-forgets-what-it-sent",
    bug: "takes what was sent over a stream that broke for not done",
    file: STREAM,
    find: "    for (const call of this.#inFlight.values()) call.mayHappen = true;\n",
    replace: "",
  },
  {
    id: "kv/stream-unbounded",
    bug: "sends whatever there is, however much has no answer",
    file: STREAM,
    find: "this.#inFlight.size < this.#maxInFlight && calls",
    replace: "this.#inFlight.size >= 0 && calls",
  },
  {
    id: "kv/stream-window-stands-still",
    bug: "keeps waiting for the answer to a write that was given up",
    file: `${SRC}/streamed-call.ts`,
    find: "    this.serial?.session.end(this.serial.sequence);\n",
    replace: "",
  },
  {
    id: "kv/stream-never-gives-up",
    bug: "tries again and again where there are no streams",
    file: STREAM,
    find: "if (!link.hasReplied && isUnsupported(reason)) {",
    replace: "if (link.hasReplied && isUnsupported(reason)) {",
  },
];
