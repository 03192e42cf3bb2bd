import type { Mutant } from "../src/mutant.ts";

const SERVER = "packages/core/src/server.ts";
const LOG = "packages/core/src/log.ts";
const OUTBOX = "packages/core/src/outbox.ts";
const RAFT = "packages/core/src/raft.ts";

/** What is said before it is on disk (dissertation, Figure 3.1: "updated on stable storage before responding to RPCs"; 3.8). */
export const CORE_DURABILITY: readonly Mutant[] = [
  {
    id: "core/vote-sent-early",
    bug: "sends a vote before it is on disk",
    like: ["S1"],
    file: "packages/core/src/voting.ts",
    find: "  server.sendWhenDurable({",
    replace: "  server.send({",
  },
  {
    id: "core/vote-request-sent-early",
    bug: "asks for votes before its own is on disk",
    file: "packages/core/src/ballot.ts",
    find: 'if (request.type === "requestVote") server.sendWhenDurable(request);',
    replace: 'if (request.type === "requestVote") server.send(request);',
  },
  {
    id: "core/elected-before-own-vote",
    bug: "leads by a vote of its own that is not on its disk, if that is all it takes",
    file: "packages/core/src/candidate.ts",
    find: "    this.#ticksSinceAsked += 1;\n",
    replace:
      "    this.#ticksSinceAsked += 1;\n    this.#ballot.add(this.server.id, true);\n    this.#count();\n",
  },
  {
    id: "core/success-sent-early",
    bug: "confirms entries before they are on disk",
    like: ["S1", "openraft ee460f37", "NATS 2.12.1"],
    file: "packages/core/src/appending.ts",
    find: "  server.sendWhenDurable({",
    replace: "  server.send({",
  },
  {
    id: "core/refusal-sent-early",
    bug: "tells a candidate a term that is not on its disk",
    file: RAFT,
    find: 'this.#server.sendWhenDurable({ type: "requestVoteResponse", ...answer, voteGranted: false });',
    replace: 'this.#server.send({ type: "requestVoteResponse", ...answer, voteGranted: false });',
  },
  {
    id: "core/rejection-sent-early",
    bug: "tells a deposed leader a term that is not on its disk",
    file: RAFT,
    find: 'return this.#server.sendWhenDurable({\n          type: "appendEntriesResponse",',
    replace: 'return this.#server.send({\n          type: "appendEntriesResponse",',
  },
  {
    id: "core/snapshot-confirmed-early",
    bug: "answers a snapshot before it is stored",
    like: ["L7"],
    file: RAFT,
    find: '    server.sendWhenDurable({\n      type: "installSnapshotResponse",',
    replace: '    server.send({\n      type: "installSnapshotResponse",',
  },
  {
    id: "core/promise-waits-for-the-wrong-write",
    bug: "confirms at the end of the write under way what only the next one holds",
    file: OUTBOX,
    find: "if (unwritten) this.#onNext.push(message);",
    replace: "if (unwritten && !writing) this.#onNext.push(message);",
  },
  {
    id: "core/repeat-not-held-back",
    bug: "confirms at once, when asked again, what is still being written",
    file: OUTBOX,
    find: "    else if (writing) this.#onDone.push(message);\n",
    replace: "",
  },
  {
    id: "core/restore-releases-promises",
    bug: "takes the end of either a write or a restore for the end of both",
    file: SERVER,
    find: "if (!this.storageBusy) this.outbox.done();",
    replace: "this.outbox.done();",
  },
  {
    id: "core/hard-state-not-written",
    bug: "writes entries without the term and vote that go with them",
    like: ["tikv/tikv#8381"],
    file: SERVER,
    find: "const hardState = this.#hardState === this.#stableHardState ? null : this.#hardState;",
    replace:
      "const hardState = this.#hardState === this.#stableHardState || this.log.hasUnwritten ? null : this.#hardState;",
  },
  {
    id: "core/written-state-from-memory",
    bug: "takes the term it has now for the one that has been written",
    file: SERVER,
    find: "    this.#stableHardState = this.#writing;\n",
    replace: "    this.#stableHardState = this.#hardState;\n",
  },
  {
    id: "core/truncated-counts-as-durable",
    bug: "counts an entry as durable because its predecessor at that index was",
    like: ["etcd async_storage_writes_append_aba_race", "openraft#1960"],
    file: LOG,
    find: "    this.#stableIndex = Math.min(this.#stableIndex, first - 1);\n",
    replace: "",
  },
  {
    id: "core/write-vouches-for-later-entries",
    bug: "counts entries as durable that came while a write was under way",
    like: ["openraft a9f696a9"],
    file: LOG,
    find: "this.#stableIndex = Math.max(this.#stableIndex, this.#handedOut);",
    replace: "this.#stableIndex = this.lastIndex;",
  },
  {
    id: "core/truncation-not-written",
    bug: "truncates in memory and leaves the entries on disk",
    like: ["qdrant#1329", "cockroach#36353"],
    file: LOG,
    find: "      this.#truncateFrom = Math.min(first, this.#truncateFrom ?? first);\n",
    replace: "",
  },
  {
    id: "core/replaced-entries-not-written",
    bug: "does not write the entries that replace others",
    like: ["cockroach#36353"],
    file: LOG,
    find: "      this.#handedOut = first - 1;\n",
    replace: "",
  },
];
