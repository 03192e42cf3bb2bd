import type { Mutant } from "../src/mutant.ts";

const LEADER = "packages/core/src/leader.ts";
const READ_INDEX = "packages/core/src/read-index.ts";
const SERVER = "packages/core/src/server.ts";
const REPLICATION = "packages/core/src/replication.ts";

/** Linearizable reads without a log entry (dissertation, 6.4). */
export const CORE_READS: readonly Mutant[] = [
  {
    id: "core/read-before-own-term",
    bug: "reads at its commit index before an entry of its own term is committed",
    like: ["etcd#7331", "tikv#6340"],
    file: LEADER,
    find: "if (this.#knowsCommitIndex && this.#reads.begin(this.#server.commitIndex)) {",
    replace: "if (this.#reads.begin(this.#server.commitIndex)) {",
  },
  {
    id: "core/read-without-a-round",
    bug: "reads because it believes that it leads",
    like: ["etcd 0.4.1 and Consul (2014)"],
    file: READ_INDEX,
    find: "if (this.#round === null || sequence < this.#round.sequence) return;",
    replace: "if (this.#round === null) return;",
  },
  {
    id: "core/read-confirmed-by-older-request",
    bug: "confirms a read by the answer to a request that was sent just before it",
    like: ["etcd#20418"],
    file: READ_INDEX,
    find: "const sequence = this.#server.lastSequence + 1;",
    replace: "const sequence = this.#server.lastSequence;",
  },
  {
    id: "core/read-joins-a-round",
    bug: "lets a read join the round under way, at a commit index from before it",
    file: READ_INDEX,
    find: "    this.#waiting.push(reader);\n",
    replace:
      "    if (this.#round === null) this.#waiting.push(reader);\n    else this.#round = { ...this.#round, readers: [...this.#round.readers, reader] };\n",
  },
  {
    id: "core/read-confirmed-by-one",
    bug: "confirms a read by the answer of one follower, however many there are",
    file: LEADER,
    find: "this.#reads.confirm(sequence);",
    replace:
      "this.#reads.confirm(Math.max(sequence, ...[...this.followers].map(({ acknowledged }) => acknowledged)));",
  },
  {
    id: "core/read-not-confirmed-alone",
    bug: "counts itself among the unconfirmed, so a single server never reads",
    like: ["L1", "etcd raft#105"],
    file: LEADER,
    find: "      this.#replication.heartbeat();\n      this.#confirm();\n",
    replace: "      this.#replication.heartbeat();\n",
  },
  {
    id: "core/read-before-applied",
    bug: "reads before the state machine has reached the read index",
    file: SERVER,
    find: "if (read.index <= this.lastApplied) this.outbox",
    replace: "if (read.index <= this.commitIndex) this.outbox",
  },
  {
    id: "core/stale-rejection-confirms-read",
    bug: "takes the rejection of a request from an earlier life for a sign that it still leads",
    file: REPLICATION,
    find: "    if (isStaleRejection(response)) return null;\n",
    replace: "",
  },
  {
    id: "core/reads-forgotten",
    bug: "does not answer the reads that wait when it is deposed",
    file: LEADER,
    find: '      outbox.outcomes.push({ type: "notLeader", id: request, leaderId });\n',
    replace: "      void request;\n",
  },
  {
    id: "core/reads-survive-deposition",
    bug: "serves reads it could not confirm once it is deposed",
    file: LEADER,
    find: '      outbox.outcomes.push({ type: "notLeader", id: request, leaderId });\n',
    replace: "      this.#server.readAt(request, this.#server.commitIndex);\n",
  },
];
