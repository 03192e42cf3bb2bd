import type { Mutant } from "../src/mutant.ts";

const RAFT = "packages/core/src/raft.ts";
const SERVER = "packages/core/src/server.ts";
const LOG = "packages/core/src/log.ts";
const REPLICATION = "packages/core/src/replication.ts";

/** Compaction, and snapshots on their way (dissertation, 5.1-5.3). */
export const CORE_SNAPSHOTS: readonly Mutant[] = [
  {
    id: "core/stale-suffix-kept",
    bug: "keeps what follows a snapshot without comparing the term at its end",
    like: ["S5", "hashicorp/raft#697"],
    file: LOG,
    find: "const isPrefix = this.termAt(lastIncludedIndex) === lastIncludedTerm;",
    replace: "const isPrefix = this.termAt(lastIncludedIndex) !== undefined;",
  },
  {
    id: "core/good-suffix-dropped",
    bug: "drops durable entries behind a snapshot that agrees with them",
    file: LOG,
    find: "const isPrefix = this.termAt(lastIncludedIndex) === lastIncludedTerm;",
    replace: "const isPrefix = this.lastIndex < 0;",
  },
  {
    id: "core/truncation-forgotten-by-snapshot",
    bug: "forgets what it was to truncate on disk when a snapshot comes",
    file: LOG,
    find: "    if (this.#truncateFrom !== null) this.#truncateFrom = this.#handedOut + 1;\n",
    replace: "    this.#truncateFrom = null;\n",
  },
  {
    id: "core/snapshot-overtakes-term",
    bug: "refuses to start, for ever, after a crash between a snapshot and the term in which it came",
    file: SERVER,
    find: "atLeastOfTerm(restored.hardState, this.log.snapshot.lastIncludedTerm);",
    replace: "restored.hardState;",
    also: [{ file: SERVER, find: "function atLeastOfTerm", replace: "export function atLeastOfTerm" }],
  },
  {
    id: "core/older-snapshot-installed",
    bug: "installs a snapshot that is older than what it has committed",
    like: ["openraft eed681d5"],
    file: RAFT,
    find: "      header.lastIncludedIndex > commitIndex &&\n",
    replace: "",
  },
  {
    id: "core/snapshot-during-snapshot",
    bug: "begins to install a snapshot while another is being installed",
    like: ["etcd#18055"],
    file: RAFT,
    find: "      header.lastIncludedIndex > commitIndex &&\n      !isRestoring\n",
    replace: "      header.lastIncludedIndex > commitIndex\n",
  },
  {
    id: "core/applies-during-restore",
    bug: "hands out entries while a snapshot replaces the state machine",
    like: ["openraft eed681d5"],
    file: SERVER,
    find: "if (this.#applyingUpTo !== null || this.#restoring !== null || upTo <= this.lastApplied) return [];",
    replace: "if (this.#applyingUpTo !== null || upTo <= this.lastApplied) return [];",
  },
  {
    id: "core/restored-is-not-applied",
    bug: "hands out entries that the snapshot it has installed stands for",
    file: SERVER,
    find: "    this.applied(lastIncludedIndex);\n",
    replace: "    void lastIncludedIndex;\n",
  },
  {
    id: "core/snapshot-sent-is-installed",
    bug: "takes an answered snapshot for an installed one",
    like: ["L7"],
    file: REPLICATION,
    find: '    if (follower.state !== "snapshot" || snapshot === null) return;\n',
    replace:
      '    if (follower.state !== "snapshot" || snapshot === null) return;\n    follower.matched(snapshot.lastIncludedIndex);\n',
  },
  {
    id: "core/failed-snapshot-is-sent",
    bug: "takes a snapshot that could not be sent for one that was",
    file: REPLICATION,
    find: '    if (follower.state !== "snapshot" || snapshot === null) return;\n',
    replace:
      '    if (follower.state !== "snapshot") return;\n    snapshot ??= this.#server.log.snapshot;\n    follower.matched(snapshot.lastIncludedIndex);\n',
  },
  {
    id: "core/no-snapshot-cooldown",
    bug: "sends a snapshot again as soon as the last one has failed",
    like: ["L3", "L7"],
    file: REPLICATION,
    find: "follower.snapshotPauseTicks = this.#server.config.electionTimeoutTicksMin;",
    replace: "follower.snapshotPauseTicks = 0;",
  },
  {
    id: "core/snapshots-side-by-side",
    bug: "starts another transfer while one to the same follower is under way",
    like: ["L7", "NuRaft#118"],
    file: REPLICATION,
    find: "follower.snapshotPauseTicks = Number.POSITIVE_INFINITY;",
    replace: "follower.snapshotPauseTicks = 1;",
  },
  {
    id: "core/no-snapshot-after-failure",
    bug: "never sends a snapshot again after one failed",
    file: REPLICATION,
    find: "      if (follower.snapshotPauseTicks === 0) this.#requestSnapshot(follower);\n      return;\n",
    replace: "      return;\n",
  },
  {
    id: "core/entries-below-the-log",
    bug: "looks for entries that have just been compacted",
    like: ["etcd 76f1249"],
    file: REPLICATION,
    find: "if (follower.nextIndex <= log.baseIndex) {",
    replace: "if (follower.nextIndex < log.baseIndex) {",
  },
  {
    id: "core/compacted-entry-has-term-0",
    bug: "takes an entry it no longer knows for one of term 0",
    like: ["etcd 76f1249"],
    file: LOG,
    find: "return index === this.#baseIndex ? this.#baseTerm : this.#entries[index - this.#baseIndex - 1]?.term;",
    replace: "return index === this.#baseIndex ? 0 : this.#entries[index - this.#baseIndex - 1]?.term;",
  },
  {
    id: "core/nothing-retained",
    bug: "drops everything below a snapshot, so that whoever is a little behind needs all of it",
    file: LOG,
    find: "if (bytes <= limit || entry.index > lastIncludedIndex) break;",
    replace: "if (bytes <= 0 * limit || entry.index > lastIncludedIndex) break;",
  },
  {
    id: "core/everything-retained",
    bug: "never drops an entry, so its memory grows for ever",
    like: ["L17"],
    file: LOG,
    find: "    this.#rebase(base);\n",
    replace: "    void base;\n",
  },
  {
    id: "core/overtaken-snapshot-compacts",
    bug: "compacts by a snapshot of its own that the leader's has overtaken",
    file: RAFT,
    find: "    if (snapshot.lastIncludedIndex <= log.snapshot.lastIncludedIndex) return;\n",
    replace: "",
  },
  {
    id: "core/compactable-bytes-never-shrink",
    bug: "wants to take a snapshot again right after it has taken one",
    file: RAFT,
    find: "    this.#appliedBytes = log.bytesBetween(snapshot.lastIncludedIndex + 1, lastApplied);\n",
    replace: "",
  },
];
