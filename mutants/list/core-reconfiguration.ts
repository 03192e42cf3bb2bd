import type { Mutant } from "../src/mutant.ts";

const RECONFIGURATION = "packages/core/src/reconfiguration.ts";
const CATCH_UP = "packages/core/src/catch-up.ts";
const REPLICATION = "packages/core/src/replication.ts";
const LEADER = "packages/core/src/leader.ts";

/** A leader's work on the members: changes, learners, disks, and its own removal (dissertation, 4.1 to 4.3). */
export const CORE_RECONFIGURATION: readonly Mutant[] = [
  {
    id: "core/expected-members-ignored",
    bug: "makes a change although the members are not those that the operator has seen",
    file: RECONFIGURATION,
    find: "if (expectedIndex !== null && expectedIndex !== index) {",
    replace: "if (expectedIndex !== null && expectedIndex < 0) {",
  },
  {
    id: "core/first-configuration-too-early",
    bug: "writes down whose disk it knows although there may be members that cannot read that, as Go nodes",
    file: RECONFIGURATION,
    find: "    if (isFirst && !next.members.every(isKnown)) return null;\n",
    replace: "",
  },
  {
    id: "core/inherited-joint-stays",
    bug: "does not end a joint configuration that another leader has begun",
    file: RECONFIGURATION,
    find: "if (this.#isCommitted && isJoint(this.#server.configuration)) {",
    replace: "if (this.#isCommitted && isJoint(this.#server.configuration) && this.#pending.length > 0) {",
  },
  {
    id: "core/new-member-not-followed",
    bug: "does not send its log to a server that has just become a member",
    file: LEADER,
    find: "    this.#append({ command: new Uint8Array(0), configuration });\n    this.#replication.reconfigure();\n",
    replace: "    this.#append({ command: new Uint8Array(0), configuration });\n",
  },
  {
    id: "core/changes-unanswered",
    bug: "does not answer the changes of members that are under way when it is deposed",
    file: LEADER,
    find: "[...this.#proposals.values(), ...this.#reconfiguration.drain()]",
    replace: "[...this.#proposals.values(), ...this.#reconfiguration.drain().slice(0, 0)]",
  },
  {
    id: "core/change-done-while-joint",
    bug: "says that a change is done when its first entry is committed",
    file: RECONFIGURATION,
    find: "    if (!this.isSettled) {\n      if (this.#isCommitted",
    replace:
      "    if (this.#isCommitted) this.#report();\n    if (!this.isSettled) {\n      if (this.#isCommitted",
  },
  {
    id: "core/change-done-before-promotion",
    bug: "answers a request for a voter before that is one",
    file: RECONFIGURATION,
    find: 'voters.every((id) => isVoter(id) || memberOf(configuration, id)?.standing !== "promotable");',
    replace: "voters.every((id) => isVoter(id) || memberOf(configuration, id) !== undefined);",
  },
  {
    id: "core/removed-learner-waited-for",
    bug: "waits for ever for a server to catch up that was removed meanwhile",
    file: RECONFIGURATION,
    find: 'voters.every((id) => isVoter(id) || memberOf(configuration, id)?.standing !== "promotable");',
    replace: "voters.every((id) => isVoter(id));",
  },
  {
    id: "core/learner-promoted-unasked",
    bug: "makes voters of learners that were to stay learners",
    file: RECONFIGURATION,
    find: 'configuration.members.filter(({ standing }) => standing === "promotable");',
    replace: 'configuration.members.filter(({ standing }) => ["learner", "promotable"].includes(standing));',
  },
  {
    id: "core/majority-of-disks-replaced",
    bug: "begins a joint configuration that nobody can agree to, because a majority of disks is gone",
    file: RECONFIGURATION,
    find: "      if (!new Quorum(changed).isReachedBy(() => true)) continue;\n",
    replace: "      if (!new Quorum(changed).isReachedBy(() => true) && id < 0) continue;\n",
  },
  {
    id: "core/own-disk-unnamed",
    bug: "does not name its own disk to the others, who then do not notice when it is replaced",
    file: LEADER,
    find: "if (incarnation !== null) this.#reconfiguration",
    replace: 'if (incarnation === "") this.#reconfiguration',
  },
  {
    id: "core/replaced-server-goes-first",
    bug: "lets a server go before the one that is to replace it has caught up",
    file: RECONFIGURATION,
    find: "voters.length > 0 && isLossOfVoter(configuration, change)",
    replace: "voters.length > 1e9 && isLossOfVoter(configuration, change)",
  },
  {
    id: "core/replaced-server-stays",
    bug: "keeps a server that was to be replaced",
    file: RECONFIGURATION,
    find: "due.flatMap(({ later }) => later),",
    replace: "due.flatMap(({ later }) => later.slice(0, 0)),",
  },
  {
    id: "core/goes-when-one-has-come",
    bug: "lets servers go when the first of those has caught up that are to replace them",
    file: RECONFIGURATION,
    find: "this.#pending.filter(({ voters }) => voters.every(isReady));",
    replace: "this.#pending.filter(({ voters }) => voters.some(isReady));",
  },
  {
    id: "core/eighth-voter-never-comes",
    bug: "refuses to replace a server where there are as many voters as there may be",
    file: RECONFIGURATION,
    find: "    this.#append(isRefused(first) ? next : first);\n",
    replace: "    if (!isRefused(first)) this.#append(first);\n",
  },
  // --- catching up
  {
    id: "core/caught-up-from-the-start",
    bug: "makes a voter of a learner before it has anything of the log",
    file: CATCH_UP,
    find: "  #isDone = false;\n\n",
    replace: "  #isDone = true;\n\n",
  },
  {
    id: "core/catch-up-without-rounds",
    bug: "makes a voter of a server that was there once, however long it took",
    file: CATCH_UP,
    find: "this.#isDone = this.#ticks < this.#maxTicks && follower",
    replace: "this.#isDone = follower",
  },
  {
    id: "core/silent-server-promoted",
    bug: "makes a voter of a server that has gone away since it had caught up",
    file: CATCH_UP,
    find: "this.#ticks < this.#maxTicks && follower.ticksSinceContact < this.#maxTicks;",
    replace: "this.#ticks < this.#maxTicks;",
  },
  {
    id: "core/behind-again-and-promoted",
    bug: "makes a voter of a server that had caught up and fell behind before it could be promoted",
    file: CATCH_UP,
    find: "      if (this.#ticks >= this.#maxTicks) this.#isDone = false;\n",
    replace: "",
  },
  {
    id: "core/catch-up-to-a-moving-end",
    bug: "has a server catch up with entries that arrive faster than it gets them",
    file: CATCH_UP,
    find: "if (follower === null || follower.matchIndex < this.#goal) {",
    replace: "if (follower === null || follower.matchIndex < this.#lastIndex()) {",
  },
  // --- disks that were replaced
  {
    id: "core/progress-of-a-lost-disk",
    bug: "counts what a disk had confirmed that was lost since",
    file: REPLICATION,
    find: "const isSame = progress !== undefined && (progress.incarnation ?? incarnation) === incarnation;",
    replace: "const isSame = progress !== undefined;",
  },
  {
    id: "core/late-answers-of-a-lost-disk",
    bug: "counts what is confirmed late by a disk that was lost since",
    file: REPLICATION,
    find: "progress.distrustUpTo = lastSequence;",
    replace: "progress.distrustUpTo = Math.min(lastSequence, 0);",
  },
  {
    id: "core/named-disk-starts-over",
    bug: "forgets what a server holds when its disk is named for the first time",
    file: REPLICATION,
    find: "(progress.incarnation ?? incarnation) === incarnation;",
    replace: "progress.incarnation === incarnation;",
  },
  // --- the leader's own removal, and that of others
  {
    id: "core/leader-goes-too-early",
    bug: "steps down as soon as it has appended its own removal",
    file: LEADER,
    find: "if (!this.#reconfiguration.isSettled || mayLead(this.#server)) return;",
    replace: "if (mayLead(this.#server)) return;",
  },
  {
    id: "core/nobody-asked-to-succeed",
    bug: "leaves the cluster waiting for an election timeout when it is removed",
    file: LEADER,
    find: "    this.#replication.heartbeat();\n    this.#transfer.abdicate(this.followers);\n",
    replace: "    this.#replication.heartbeat();\n",
  },
  {
    id: "core/removal-not-announced",
    bug: "goes without telling the others that its removal is committed",
    file: LEADER,
    find: "    this.#replication.heartbeat();\n    this.#transfer.abdicate(this.followers);\n",
    replace: "    this.#transfer.abdicate(this.followers);\n",
  },
  {
    id: "core/removed-server-not-told",
    bug: "forgets a server as soon as it is removed, which never hears of it and goes on asking for votes",
    file: REPLICATION,
    find: "return [...this.#followers.values(), ...this.#leaving.keys()];",
    replace: "return [...this.#followers.values(), ...[...this.#leaving.keys()].slice(0, 0)];",
  },
  {
    id: "core/removed-server-told-for-ever",
    bug: "goes on sending its log to servers that were removed",
    file: REPLICATION,
    find: "      else this.#leaving.delete(follower);\n",
    replace: "      else void follower;\n",
  },
];
