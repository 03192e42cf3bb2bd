import type { Mutant } from "../src/mutant.ts";

const LEADER = "packages/core/src/leader.ts";
const QUORUM = "packages/core/src/quorum.ts";
const SERVER = "packages/core/src/server.ts";
const APPENDING = "packages/core/src/appending.ts";
const REPLICATION = "packages/core/src/replication.ts";

/** What counts as committed, what is applied, and what clients are told (dissertation, 3.5, 3.6.2). */
export const CORE_COMMIT: readonly Mutant[] = [
  {
    id: "core/commit-prior-term",
    bug: "commits by counting copies of entries of earlier terms (Figure 8)",
    like: ["logcabin#44"],
    file: LEADER,
    find: "if (index <= commitIndex || log.termAt(index) !== term) return;",
    replace: "if (index <= commitIndex) return;",
  },
  {
    id: "core/commit-with-half",
    bug: "commits with 2 copies of 4",
    like: ["S6"],
    file: QUORUM,
    find: "descending[majority(values.length) - 1]",
    replace: "descending[Math.ceil(values.length / 2) - 1]",
  },
  {
    id: "core/half-is-a-majority",
    bug: "elects and commits with 2 of 4",
    like: ["S6"],
    file: QUORUM,
    find: "return Math.floor(servers / 2) + 1;",
    replace: "return Math.ceil(servers / 2);",
  },
  {
    id: "core/quorum-unsorted",
    bug: "takes the index in the middle of a list that is not sorted",
    like: ["openraft#1802"],
    file: QUORUM,
    find: "values.toSorted((a, b) => b - a)",
    replace: "values",
  },
  {
    id: "core/quorum-sorted-as-text",
    bug: "sorts numbers as text, which goes well up to 9",
    file: QUORUM,
    find: "values.toSorted((a, b) => b - a)",
    replace: "values.toSorted().toReversed()",
  },
  {
    id: "core/commit-before-own-disk",
    bug: "counts its own copy before it is on its disk",
    like: ["etcd#14370"],
    file: LEADER,
    find: "id === self ? log.stableIndex : this.#matchIndexOf(id)",
    replace: "id === self ? log.lastIndex : this.#matchIndexOf(id)",
  },
  {
    id: "core/alone-never-commits",
    bug: "looks for what is committed only when an answer comes, so a single server never commits",
    like: ["L1"],
    file: LEADER,
    find: "  durable(): void {\n    this.#commit();\n  }",
    replace: "  durable(): void {}",
  },
  {
    id: "core/no-opening-entry",
    bug: "opens its term without an entry, so that what earlier leaders left waits for a client",
    like: ["L10"],
    file: LEADER,
    find: "    this.#append({ command: server.config.noop });\n",
    replace: "",
  },
  {
    id: "core/follower-commits-to-its-end",
    bug: "commits up to its own last entry, also what the leader has not compared",
    like: ["S4"],
    file: APPENDING,
    find: "server.commitUpTo(Math.min(request.leaderCommit, matchIndex));",
    replace: "server.commitUpTo(Math.min(request.leaderCommit, server.log.lastIndex));",
  },
  {
    id: "core/leader-commit-uncapped",
    bug: "tells a Go follower to commit more than the message verifies",
    like: ["S4"],
    file: REPLICATION,
    find: "leaderCommit: Math.min(commitIndex, prevLogIndex + entries.length),",
    replace: "leaderCommit: commitIndex,",
  },
  {
    id: "core/commit-goes-back",
    bug: "takes an old leaderCommit for the new one",
    file: SERVER,
    find: "this.commitIndex = Math.max(this.commitIndex, index);",
    replace: "this.commitIndex = index;",
  },
  {
    id: "core/applies-before-its-disk",
    bug: "hands out committed entries that are not on its own disk",
    file: SERVER,
    find: "const upTo = Math.min(this.commitIndex, this.log.stableIndex);",
    replace: "const upTo = this.commitIndex;",
  },
  {
    id: "core/applies-twice",
    bug: "hands out entries again while they are being applied",
    file: SERVER,
    find: "if (this.#applyingUpTo !== null || this.#restoring !== null || upTo <= this.lastApplied) return [];",
    replace: "if (this.#restoring !== null || upTo <= this.lastApplied) return [];",
  },
  {
    id: "core/skips-an-entry",
    bug: "leaves out the first of the entries to be applied",
    like: ["etcd 8ecce32"],
    file: SERVER,
    find: "return this.log.slice(this.lastApplied + 1, upTo);",
    replace: "return this.log.slice(Math.min(this.lastApplied + 2, upTo), upTo);",
  },
  {
    id: "core/uncommitted-bytes-leak",
    bug: "never gives back the room of what has been committed, and is busy for ever",
    like: ["etcd a370b6f"],
    file: LEADER,
    find: "    this.#uncommittedBytes -= log.bytesBetween(commitIndex + 1, index);\n",
    replace: "",
  },
  {
    id: "core/never-busy",
    bug: "takes commands without bound while nothing is committed",
    like: ["L11"],
    file: LEADER,
    find: "if (this.#uncommittedBytes >= config.maxUncommittedBytes) {",
    replace: "if (this.#uncommittedBytes >= Number.POSITIVE_INFINITY) {",
  },
  {
    id: "core/maybe-done-is-not-done",
    bug: "tells a client that its command was surely not done, and may commit it later",
    file: LEADER,
    find: 'outbox.outcomes.push({ type: "unknown", id: request, leaderId });',
    replace: 'outbox.outcomes.push({ type: "notLeader", id: request, leaderId });',
  },
  {
    id: "core/clients-forgotten",
    bug: "does not answer the clients that wait when it is deposed",
    file: LEADER,
    find: 'outbox.outcomes.push({ type: "unknown", id: request, leaderId });',
    replace: "void request;",
  },
  {
    id: "core/covered-clients-forgotten",
    bug: "does not answer the clients whose commands another leader's snapshot covers",
    like: ["openraft#1761"],
    file: SERVER,
    find: "    this.giveUpProposals(header.lastIncludedIndex);\n",
    replace: "",
  },
  {
    id: "core/clients-of-hung-disk-forgotten",
    bug: "steps down because its disk hangs, and leaves the clients waiting whose commands are committed",
    file: LEADER,
    find: "      this.#server.giveUpProposals(this.#server.commitIndex);\n",
    replace: "",
  },
  {
    id: "core/waiters-by-index-only",
    bug: "answers a client with what another leader committed at the index of its command",
    like: ["S13"],
    file: SERVER,
    find: "  readonly outbox: Outbox = new Outbox();\n",
    replace:
      "  readonly outbox: Outbox = new Outbox();\n  readonly waiters: Map<LogIndex, RequestId> = new Map();\n",
    also: [
      {
        file: LEADER,
        find: "  readonly #proposals = new Map<LogIndex, RequestId>();\n",
        replace: "  readonly #proposals: Map<LogIndex, RequestId>;\n",
      },
      {
        file: LEADER,
        find: "    this.#server = server;\n    this.#transitions = transitions;\n    this.#replication",
        replace:
          "    this.#server = server;\n    this.#proposals = server.waiters;\n    this.#transitions = transitions;\n    this.#replication",
      },
      {
        file: LEADER,
        find: "for (const request of [...this.#proposals.values(), ...this.#reconfiguration.drain()]) {",
        replace: "for (const request of this.#reconfiguration.drain()) {",
      },
    ],
  },
];
