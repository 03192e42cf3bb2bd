import type { Mutant } from "../src/mutant.ts";

const FORWARDED = "packages/core/src/forwarded-reads.ts";
const READ_INDEX = "packages/core/src/read-index.ts";
const FOLLOWER = "packages/core/src/follower.ts";

/** Reads on servers that do not lead (dissertation, 6.4). */
export const CORE_FORWARDED_READS: readonly Mutant[] = [
  {
    id: "core/forwarded-read-joins-a-question",
    bug: "lets a read share a question that was asked before it",
    file: FORWARDED,
    find: "    this.#waiting.push(id);\n",
    replace:
      "    if (this.#question === null) this.#waiting.push(id);\n    else this.#question = { ...this.#question, ids: [...this.#question.ids, id] };\n",
  },
  {
    id: "core/index-from-anybody",
    bug: "takes a read index from a server that was not asked",
    file: FORWARDED,
    find: "if (question === null || from !== question.leaderId || ",
    replace: "if (question === null || from < 0 || ",
  },
  {
    id: "core/no-index-is-an-index",
    bug: "reads at once when the server that was asked does not lead",
    file: FORWARDED,
    find: "if (readIndex < 0) {",
    replace: "if (readIndex < -1) {",
  },
  {
    id: "core/forwarded-read-waits-for-ever",
    bug: "waits for ever for a leader that does not answer",
    file: FORWARDED,
    find: "if (question.ticks >= electionTimeoutTicksMin) this.#fail(question);",
    replace: "if (question.ticks >= electionTimeoutTicksMin * 1e9) this.#fail(question);",
  },
  {
    id: "core/forwarded-read-asked-once",
    bug: "does not ask again when a question was lost",
    file: FORWARDED,
    find: "else if (question.ticks % heartbeatTicks === 0) this.#ask(question);",
    replace: "else if (question.ticks % heartbeatTicks > heartbeatTicks) this.#ask(question);",
  },
  {
    id: "core/only-the-last-question-counts",
    bug: "hears only the answer to its latest question, so that a slow leader is never heard",
    file: FORWARDED,
    find: "    nonces.add(sequence);\n",
    replace: "    nonces.clear();\n    nonces.add(sequence);\n",
  },
  {
    id: "core/forwarded-reads-forgotten",
    bug: "does not answer the reads that wait for a leader when there is another one",
    file: FOLLOWER,
    find: "  leave(): void {\n    this.#reads.end();\n",
    replace: "  leave(): void {\n    void this.#reads;\n",
  },
  {
    id: "core/second-read-forgotten",
    bug: "does not answer the reads that wait for the next question when there is another leader",
    file: FORWARDED,
    find: "const ids = [...(this.#question?.ids ?? []), ...this.#waiting];",
    replace: "const ids = [...(this.#question?.ids ?? this.#waiting)];",
  },
  {
    id: "core/question-to-a-silent-leader",
    bug: "has clients wait for a leader that has been silent for long",
    file: FOLLOWER,
    find: "if (this.server.knownLeaderId === null) this.#notLeader(id);\n    else this.#reads.add(id);",
    replace: "if (this.server.leaderId === null) this.#notLeader(id);\n    else this.#reads.add(id);",
    also: [
      {
        file: FORWARDED,
        find: "    const leaderId = this.#server.knownLeaderId;\n",
        replace: "    const { leaderId } = this.#server;\n",
      },
    ],
  },
  {
    id: "core/question-of-a-forgettable-term",
    bug: "names a term in a question for a read index that it may have forgotten after a crash",
    file: FORWARDED,
    find: 'this.#server.sendInDurableTerm({ type: "readIndex"',
    replace: 'this.#server.send({ type: "readIndex"',
  },
  {
    id: "core/follower-gives-index",
    bug: "gives another server its own commit index although it does not lead",
    file: FOLLOWER,
    find: "      readIndex: -1,\n",
    replace: "      readIndex: this.server.commitIndex,\n",
  },
  {
    id: "core/deposed-leader-gives-index",
    bug: "gives those who wait a read index when it is deposed",
    file: READ_INDEX,
    find: "this.#answer(reader, -1);",
    replace: "this.#answer(reader, this.#server.commitIndex);",
  },
  {
    id: "core/deposed-leader-says-nothing",
    bug: "does not tell those who wait for a read index that it is deposed",
    file: READ_INDEX,
    find: "      this.#answer(reader, -1);\n",
    replace: "",
  },
  {
    id: "core/servers-index-without-a-round",
    bug: "gives another server a read index without asking whether it still leads",
    file: "packages/core/src/leader.ts",
    find: '    this.#reads.add({ type: "server", from, sequence });\n',
    replace:
      '    const { id, term, commitIndex: readIndex } = this.#server;\n    this.#server.send({ type: "readIndexResponse", from: id, to: from, term, sequence, readIndex });\n',
  },
  {
    id: "core/window-bytes-leak",
    bug: "does not count back the bytes of entries that were confirmed, until the follower's window is full for ever",
    like: ["etcd e419ba5"],
    file: "packages/core/src/progress.ts",
    find: "      this.inflightBytes -= this.inflight[0].bytes;\n",
    replace: "",
  },
  {
    id: "core/lost-bytes-leak",
    bug: "does not count back the bytes of entries that were lost, until the follower's window is full for ever",
    like: ["etcd e419ba5"],
    file: "packages/core/src/progress.ts",
    find: "    this.inflight = [];\n    this.inflightBytes = 0;\n",
    replace: "    this.inflight = [];\n",
  },
  {
    id: "core/window-without-bytes",
    bug: "sends a slow follower as much as it has, however large the commands are",
    file: "packages/core/src/replication.ts",
    find: "if (follower.inflight.length > 0 && follower.inflightBytes + bytes > maxInflightBytes) return;",
    replace: "if (follower.inflight.length > 0 && bytes > maxInflightBytes * 1e9) return;",
  },
];
