import type { Mutant } from "../src/mutant.ts";

const RAFT = "packages/core/src/raft.ts";
const WELL_FORMED = "packages/core/src/well-formed.ts";

/** What comes in, from whom, and whether it can be true. */
export const CORE_INPUT: readonly Mutant[] = [
  {
    id: "core/strangers-are-heard",
    bug: "hears servers that cannot be, such as candidate -1",
    like: ["S7", "S16"],
    file: RAFT,
    find: "if (message.to !== id || message.from === id || !isNodeId(message.from)) return;",
    replace: "if (message.to !== id || message.from === id) return;",
  },
  {
    id: "core/own-echo-is-heard",
    bug: "takes its own message, come back, for one of another server",
    file: RAFT,
    find: "if (message.to !== id || message.from === id || !isNodeId(message.from)) return;",
    replace: "if (message.to !== id || !isNodeId(message.from)) return;",
  },
  {
    id: "core/mail-of-others-is-read",
    bug: "takes messages that are for another server",
    file: RAFT,
    find: "if (message.to !== id || message.from === id || !isNodeId(message.from)) return;",
    replace: "if (message.from === id || !isNodeId(message.from)) return;",
  },
  {
    id: "core/term-leap-in-request",
    bug: "adopts any term, so that one message can use up all of them",
    like: ["L14"],
    file: RAFT,
    find: 'if (request.term > term + MAX_TERM_LEAP) return "termLeap";',
    replace: "",
  },
  {
    id: "core/term-leap-in-answer",
    bug: "adopts any term from an answer",
    like: ["L14"],
    file: RAFT,
    find: "if (!isWellFormed(message) || message.term > this.#server.term + MAX_TERM_LEAP) return;",
    replace: "if (!isWellFormed(message)) return;",
  },
  {
    id: "core/requests-not-checked",
    bug: "lets a request that contradicts itself stop the server",
    like: ["L15", "S8"],
    file: RAFT,
    find: '    if (!isWellFormed(request)) return "malformed";\n',
    replace: "",
  },
  {
    id: "core/answers-not-checked",
    bug: "counts with numbers from an answer that are none",
    like: ["L15"],
    file: RAFT,
    find: "if (!isWellFormed(message) || message.term > this.#server.term + MAX_TERM_LEAP) return;",
    replace: "if (message.term > this.#server.term + MAX_TERM_LEAP) return;",
  },
  {
    id: "core/entry-index-not-checked",
    bug: "takes entries with gaps between them",
    like: ["S8", "L15"],
    file: WELL_FORMED,
    find: "if (entry.index !== index || !isPositive(entry.term) || entry.term < last || entry.term > term)",
    replace: "if (!isPositive(entry.term) || entry.term < last || entry.term > term)",
  },
  {
    id: "core/entry-term-not-checked",
    bug: "takes entries whose terms decrease",
    like: ["S8"],
    file: WELL_FORMED,
    find: "if (entry.index !== index || !isPositive(entry.term) || entry.term < last || entry.term > term)",
    replace: "if (entry.index !== index || !isPositive(entry.term) || entry.term > term)",
  },
  {
    id: "core/entry-from-the-future",
    bug: "takes entries of a term above the leader's",
    file: WELL_FORMED,
    find: "if (entry.index !== index || !isPositive(entry.term) || entry.term < last || entry.term > term)",
    replace: "if (entry.index !== index || !isPositive(entry.term) || entry.term < last)",
  },
  {
    id: "core/position-not-checked",
    bug: "takes a term before the first entry, and an entry of term 0",
    file: WELL_FORMED,
    find: "entryTerm <= term && index > 0 === entryTerm > 0;",
    replace: "entryTerm <= term;",
  },
];
