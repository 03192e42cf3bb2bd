import type { Mutant } from "../src/mutant.ts";

const FILE = "packages/transport-memory/src/memory-transport.ts";

/** The reference transport. */
export const TRANSPORT_MEMORY: readonly Mutant[] = [
  {
    id: "transport-memory/delivers-inside-send",
    bug: "delivers a message inside the call that sends it",
    file: FILE,
    find: "if (this.#outbox.push(message) === 1) later(() => this.#deliverAll());",
    replace: "if (this.#outbox.push(message) === 1) this.#deliverAll();",
  },
  {
    id: "transport-memory/queue-without-bound",
    bug: "keeps any number of messages",
    file: FILE,
    find: "    if (this.#outbox.length > MAX_QUEUED_MESSAGES) this.#lost(this.#outbox.pop());\n",
    replace: "",
  },
  {
    id: "transport-memory/snapshot-answered-by-any",
    bug: "takes any answer of the peer for the answer to its snapshot",
    file: FILE,
    find: "if (to !== message.from || sequence !== message.sequence) continue;",
    replace: "if (to !== message.from) continue;",
  },
  {
    id: "transport-memory/snapshot-not-waited-for",
    bug: "says that a snapshot is stored when its data is taken",
    like: ["L7"],
    file: FILE,
    find: "await Promise.all([received, waiting.answer.promise]);",
    replace: "await received;",
  },
  {
    id: "transport-memory/cut-does-not-cut",
    bug: "delivers what was on its way when the link was cut",
    file: FILE,
    find: "const known = this.#receiver !== null && this.#mayReach(message) && !this.#wires.isCut(to);",
    replace: "const known = this.#receiver !== null && this.#mayReach(message);",
  },
  {
    id: "transport-memory/joiner-cannot-answer",
    bug: "drops the answers of a server that does not know yet who asks",
    file: FILE,
    find: "return this.#peers.has(message.to) || (isAnswer(message) && this.#askers.has(message.to));",
    replace: "return this.#peers.has(message.to);",
  },
  {
    id: "transport-memory/gone-unreported",
    bug: "does not say that a peer has stopped",
    file: FILE,
    find: "    if (this.#peers.has(peer)) this.#receiver?.disconnected?.(peer);\n",
    replace: "",
  },
  {
    id: "transport-memory/one-side-asked",
    bug: "lets a server speak that its peer does not want to hear",
    file: FILE,
    find: "peer && this.meets(peer) && peer.meets(this) ?",
    replace: "peer && this.meets(peer) ?",
  },
];
