import type { Mutant } from "../src/mutant.ts";

const RAFT = "packages/core/src/raft.ts";
const SERVER = "packages/core/src/server.ts";
const LEADER = "packages/core/src/leader.ts";
const LOG = "packages/core/src/log.ts";
const RECONFIGURATION = "packages/core/src/reconfiguration.ts";

/** Members that come and go, and disks that are replaced (dissertation, chapter 4). */
export const CORE_MEMBERS: readonly Mutant[] = [
  {
    id: "core/one-half-is-enough",
    bug: "asks only the second half of a joint configuration",
    like: ["openraft beb0302b"],
    file: "packages/core/src/quorum.ts",
    find: "reached = Math.min(reached, reachedByMajority(values));",
    replace: "reached = Math.min(Infinity, reachedByMajority(values));",
  },
  {
    id: "core/second-change-at-once",
    bug: "begins a change while the last one is not committed",
    file: RECONFIGURATION,
    find: "    if (!this.isSettled) {\n      outbox",
    replace: "    if (isJoint(this.#server.configuration)) {\n      outbox",
  },
  {
    id: "core/change-before-own-term",
    bug: "changes members before it has committed an entry of its term, and so before it knows of the last change",
    file: RECONFIGURATION,
    find: "return log.configuration.index <= commitIndex && log.termAt(commitIndex) === term;",
    replace: "return log.configuration.index <= commitIndex && term > 0 && log.lastIndex > 0;",
  },
  {
    id: "core/joint-left-early",
    bug: "leaves a joint configuration before that is committed",
    file: RECONFIGURATION,
    find: "if (this.#isCommitted && isJoint(this.#server.configuration)) {",
    replace: "if (isJoint(this.#server.configuration)) {",
  },
  {
    id: "core/removed-leader-stays",
    bug: "goes on leading a cluster that it does not belong to any more",
    file: LEADER,
    find: "if (!this.#reconfiguration.isSettled || mayLead(this.#server)) return;",
    replace: "if (!this.#reconfiguration.isSettled || mayLead(this.#server) || this.#server.id >= 0) return;",
  },
  {
    id: "core/removed-server-never-stands",
    bug: "does not stand for election any more once its log says that it is removed, though nobody else may be able to win",
    file: SERVER,
    find: "this.log.configurationsFrom(this.commitIndex).some(",
    replace: "[this.log.configuration].some(",
  },
  {
    id: "core/truncated-members-stay",
    bug: "keeps the members of an entry that was truncated",
    file: LOG,
    find: "    this.#configurations.truncate(first);\n",
    replace: "",
  },
  {
    id: "core/members-of-snapshot-ignored",
    bug: "does not take over the members of a snapshot that it installs",
    file: LOG,
    find: "    this.#configurations.install(this.#baseOf(snapshot), lastIncludedIndex, isPrefix);\n",
    replace: "",
  },
  {
    id: "core/voter-too-many-waits",
    bug: "takes a request for a voter too many, which then waits for ever",
    file: "packages/core/src/configuration.ts",
    find: 'voters + members.filter(({ standing }) => afterwards(standing) === "promotable").length;',
    replace: "voters;",
  },
  {
    id: "core/catch-up-outlives-disk",
    bug: "makes a voter of a server for what it had on a disk that was replaced",
    file: RECONFIGURATION,
    find: "      if (member.incarnation !== null) this.#catchUps.delete(id);\n",
    replace: "",
  },
  {
    id: "core/log-dropped-under-transfer",
    bug: "drops from the log what a follower will need after the snapshot that it is being sent",
    file: RAFT,
    find: "neededAfter: this.#role.neededAfter",
    replace: "neededAfter: Number.POSITIVE_INFINITY",
  },
];
