import type { Mutant } from "../src/mutant.ts";

const TABLE = "packages/runtime/src/sessions/session-table.ts";
const SESSION = "packages/runtime/src/sessions/session.ts";
const SERIAL = "packages/runtime/src/sessions/serial.ts";
const RECENCY = "packages/runtime/src/sessions/recency.ts";
const CODEC = "packages/runtime/src/sessions/session-codec.ts";
const CLIENTS = "packages/runtime/src/sessions/client-table.ts";

/** What makes a write that is sent again happen once (dissertation, 6.3). */
export const RUNTIME_SESSIONS: readonly Mutant[] = [
  {
    id: "runtime/session-unknown-is-new",
    bug: "takes a session that it does not know for a new one: whoever was forgotten has its write done twice",
    file: TABLE,
    find: "    if (known === undefined) return EXPIRED;\n    const session = this.#own(known);\n",
    replace:
      "    if (known === undefined) this.open(index);\n    const session = this.#own(known ?? this.#sessions.removeOldest());\n",
  },
  {
    id: "runtime/session-only-last-result",
    bug: "remembers the last write of a session only: of two that are under way, the earlier one is forgotten",
    file: TABLE,
    find: "    session.slots.set(sequence, slot);\n    this.#resultCount += 1;\n",
    replace:
      "    this.#resultCount += 1 - session.slots.size;\n    session.slots.clear();\n    session.slots.set(sequence, slot);\n",
  },
  {
    id: "runtime/session-given-up-is-new",
    bug: "applies a write whose answer was given up, when it arrives late",
    file: TABLE,
    find: "    if (sequence < session.firstUnanswered || sequence > session.firstUnanswered + SESSION_WINDOW) {",
    replace: "    if (sequence > session.firstUnanswered + SESSION_WINDOW) {",
  },
  {
    id: "runtime/session-unbounded",
    bug: "takes any number of writes above the first unanswered one",
    file: TABLE,
    find: " || sequence > session.firstUnanswered + SESSION_WINDOW) {",
    replace: ") {",
  },
  {
    id: "runtime/session-window-off-by-one",
    bug: "has a window of 1,023",
    file: SERIAL,
    find: "export const SESSION_WINDOW = 1024;",
    replace: "export const SESSION_WINDOW = 1023;",
  },
  {
    id: "runtime/session-first-unanswered-goes-back",
    bug: "believes an older firstUnanswered that arrives late, and applies what was given up",
    file: SESSION,
    find: "    this.firstUnanswered = Math.max(this.firstUnanswered, firstUnanswered);",
    replace: "    this.firstUnanswered = firstUnanswered;",
  },
  {
    id: "runtime/session-answers-kept",
    bug: "keeps the results that the caller has",
    file: TABLE,
    find: "    this.#resultCount -= session.forgetBelow(serial.firstUnanswered);\n",
    replace: "    session.firstUnanswered = Math.max(session.firstUnanswered, serial.firstUnanswered);\n",
  },
  {
    id: "runtime/session-expires-by-age",
    bug: "lets the session expire that was opened first, though it is in use",
    file: RECENCY,
    find: "      known.value = value;\n      this.#unlink(known);\n      this.#append(known);\n",
    replace: "      known.value = value;\n",
  },
  {
    id: "runtime/recency-iterator-for-life",
    bug: "keeps one iterator over its Map for life, and with it every table that the Map has had since: a leak",
    file: RECENCY,
    find: "  readonly #nodes = new Map<Key, Node<Key, Value>>();\n",
    replace:
      "  readonly #nodes = new Map<Key, Node<Key, Value>>();\n  readonly oldestFirst: unknown = this.#nodes.keys();\n",
  },
  {
    id: "runtime/recency-deleted-stays-in-order",
    bug: "takes what is deleted out of the map and leaves it in the order of use",
    file: RECENCY,
    find: "    this.#nodes.delete(node.key);\n    this.#unlink(node);\n",
    replace: "    this.#nodes.delete(node.key);\n",
  },
  {
    id: "runtime/recency-newest-forgotten",
    bug: "forgets who is the newest when the newest goes, and hangs the next one onto it",
    file: RECENCY,
    find: "    if (newer === null) this.#newest = older;\n    else newer.older = older;\n",
    replace: "    if (newer !== null) newer.older = older;\n",
  },
  {
    id: "runtime/session-repeat-is-no-use",
    bug: "lets a session expire whose client tries again and again",
    file: TABLE,
    find: "    session.lastUsed = index;\n    this.#sessions.use(session.id, session);\n    if (!isSerial(serial)) return OUT_OF_WINDOW;\n",
    replace:
      "    if (!isSerial(serial)) return OUT_OF_WINDOW;\n    if (!session.slots.has(serial.sequence)) {\n      session.lastUsed = index;\n      this.#sessions.use(session.id, session);\n    }\n",
  },
  {
    id: "runtime/session-results-unbounded",
    bug: "bounds sessions and not their results: one client takes all the memory",
    file: TABLE,
    find: "this.#sessions.size > this.maxSessions || this.#resultCount > this.maxResults;",
    replace: "this.#sessions.size > this.maxSessions;",
  },
  {
    id: "runtime/session-count-drifts",
    bug: "counts the results of an expired session for ever",
    file: TABLE,
    find: "while (this.#isTooMuch()) this.#resultCount -= this.#sessions.removeOldest().slots.size;",
    replace: "while (this.#isTooMuch()) this.#sessions.removeOldest();",
  },
  {
    id: "runtime/session-close-count-drifts",
    bug: "counts the results of a closed session for ever",
    file: TABLE,
    find: "    this.#sessions.delete(id);\n    this.#resultCount -= session.slots.size;\n",
    replace: "    this.#sessions.delete(id);\n",
  },
  {
    id: "runtime/session-restored-uncounted",
    bug: "does not count the results that came with a snapshot: sessions expire on some servers only",
    file: TABLE,
    find: "    this.#resultCount += slots.size;\n",
    replace: "",
  },
  {
    id: "runtime/session-view-not-fixed",
    bug: "changes a session that a snapshot is being made of",
    file: TABLE,
    find: "    this.#generation += 1;\n    return this.#sessions.values();",
    replace: "    return this.#sessions.values();",
  },
  {
    id: "runtime/session-view-shares-results",
    bug: "copies a session for a snapshot, but not the results in it",
    file: TABLE,
    find: "slots: new Map(slots) });",
    replace: "slots });",
  },
  {
    id: "runtime/session-results-in-order-of-arrival",
    bug: "writes results in the order of their arrival, which a server that came from a snapshot does not know",
    file: SESSION,
    find: "    return results.toSorted(([one], [other]) => one - other);",
    replace: "    return results;",
  },
  {
    id: "runtime/session-serial-unchecked",
    bug: "takes numbers that are none",
    file: SERIAL,
    find: "  return areNumbers && firstUnanswered >= 1 && firstUnanswered <= sequence;",
    replace: "  return areNumbers || sequence !== firstUnanswered;",
  },
  {
    id: "runtime/session-damage-not-noticed",
    bug: "takes what follows a session in its bytes for nothing",
    file: CODEC,
    find: "  if (at < bytes.length) throw new SessionFormatError(`session ${id} goes on after its end`);\n",
    replace: "",
  },
  {
    id: "runtime/client-older-write-applied",
    bug: "applies a client's older write after a newer one",
    file: CLIENTS,
    find: "commandId <= last.commandId",
    replace: "commandId === last.commandId",
  },
  {
    id: "runtime/clients-unbounded",
    bug: "forgets no client",
    file: CLIENTS,
    find: "    if (this.#writes.size > this.maxClients) this.#writes.removeOldest();\n",
    replace: "",
  },
];
