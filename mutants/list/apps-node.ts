import type { Mutant } from "../src/mutant.ts";

const ADMIN = "apps/node/src/client/admin.ts";
const SERVICE = "apps/node/src/server/admin-service.ts";
const ERRORS = "apps/node/src/server/admin-errors.ts";
const PRESENTATION = "apps/node/src/server/presentation.ts";
const RECEPTION = "apps/node/src/server/reception.ts";
const DATA_DIR = "apps/node/src/server/data-dir.ts";
const DISK = "apps/node/src/server/disk.ts";
const NAME = "apps/node/src/server/cluster-id.ts";
const REDIRECTIONS = "apps/node/src/server/redirections.ts";
const GOALS = "apps/node/src/members/goals.ts";
const PURSUE = "apps/node/src/members/pursue.ts";
const SAFETY = "apps/node/src/members/safety.ts";
const REPLACEMENT = "apps/node/src/members/replacement.ts";
const HAND_OVER = "apps/node/src/members/hand-over.ts";
const PLAN = "apps/node/src/recover/plan.ts";
const RECOVER = "apps/node/src/recover/recover.ts";
const SURVIVOR = "apps/node/src/recover/survivor.ts";

/** Of members, disks and recovery, what the command line and the server decide; and how new the answer to a GET is. */
export const APPS_NODE: readonly Mutant[] = [
  // --- who a node is when it starts
  {
    id: "node/other-storage-accepted",
    bug: "begins with an empty log in a directory that has another kind of storage",
    file: DATA_DIR,
    find: "  if (used !== null && used !== type) {",
    replace: "  if (used !== null && used !== type && id < 0) {",
  },
  {
    id: "node/recovers-an-empty-log",
    bug: "looks for a write-ahead log in whatever directory it is to recover",
    file: RECOVER,
    find: 'storageTypeOf(dir) ?? "wal"',
    replace: 'storageTypeOf(dir) === null ? "level" : "wal"',
  },
  {
    id: "node/empty-disk-founds-again",
    bug: "lets nodes with empty disks found a cluster that is there already",
    file: PRESENTATION,
    find: 'const isStranger = type === "otherDisk" || type === "noMember";',
    replace: 'const isStranger = type === "noMember";',
  },
  {
    id: "node/new-disk-does-not-wait",
    bug: "founds a cluster while a node that knows of one still reads its data",
    file: PRESENTATION,
    find: 'if (beginning.type === "join" || starts > 1 || options.isStopping()) return { type: "silence" };',
    replace:
      'if (beginning.type === "join" || starts > 0 || options.isStopping()) return { type: "silence" };',
  },
  {
    id: "node/old-disk-waits",
    bug: "waits for a node that waits for it",
    file: PRESENTATION,
    find: 'if (beginning.type === "join" || starts > 1 || options.isStopping()) return { type: "silence" };',
    replace: 'if (beginning.type === "join" || options.isStopping()) return { type: "silence" };',
  },
  {
    id: "node/left-behind-starts",
    bug: "starts a node that a recovery has left behind, as if nothing had happened",
    file: PRESENTATION,
    find: 'if (reception.type === "leftBehind") throw leftBehind(reception.clusterId);',
    replace: 'if (reception.type === "leftBehind") return { type: "silence" };',
  },
  {
    id: "node/own-disk-is-another",
    bug: "takes a disk that the cluster knows for one that it does not",
    file: RECEPTION,
    find: 'member.incarnation !== "" && member.incarnation !== incarnation',
    replace: 'member.incarnation !== ""',
  },
  {
    id: "node/other-clusters-count",
    bug: "believes what nodes of another cluster say of it",
    file: RECEPTION,
    find: "own === null || own === clusterId",
    replace: "own === null || own !== null || own === clusterId",
  },
  {
    id: "node/cluster-id-from-flags",
    bug: "names the cluster after the addresses of the command line at each start",
    file: DISK,
    find: 'clusterId === null && beginning.type === "found"',
    replace: '(clusterId === null || clusterId !== null) && beginning.type === "found"',
  },
  {
    id: "node/cluster-id-by-order",
    bug: "names the cluster after the order in which its nodes are given",
    file: NAME,
    find: ".toSorted(([a], [b]) => a - b)",
    replace: "",
  },
  {
    id: "node/epoch-stays",
    bug: "gives a cluster that is recovered again the name it had",
    file: NAME,
    find: "return `${name}/${epoch + 1}`;",
    replace: "return `${name}/1`;",
  },
  {
    id: "node/redirected-for-ever",
    bug: "looks for a node where the command line said, after it has moved",
    file: REDIRECTIONS,
    find: "    for (const [id, address] of this.#outdated) if (now.get(id) !== address) this.#outdated.delete(id);\n",
    replace: "",
  },

  // --- what operators are told
  {
    id: "node/outdated-leader-believed",
    bug: "believes a leader that has been deposed",
    file: ADMIN,
    find: "|| b.term - a.term || b.index - a.index",
    replace: "|| b.index - a.index",
  },
  {
    id: "node/follower-believed",
    bug: "believes a follower with an entry that is lost",
    file: ADMIN,
    find: "return Number(isOfLeader(b)) - Number(isOfLeader(a)) || b.term",
    replace: "return b.index - a.index || b.term",
  },
  {
    id: "node/silent-answers",
    bug: "takes a node that was heard once for one that answers",
    file: "apps/node/src/members/progress.ts",
    find: "return lastContactMs === null || lastContactMs > SILENT_AFTER_MS;",
    replace: "return lastContactMs === null;",
  },
  {
    id: "node/refusal-without-leader",
    bug: "tells who does not lead, and not who does",
    file: ERRORS,
    find: 'leaderAddress: status.leaderAddress ?? "",',
    replace: 'leaderAddress: "",',
  },
  {
    id: "node/nobodys-address",
    bug: "writes an address into every log that nobody can call",
    file: SERVICE,
    find: 'if ("address" in change && !ADDRESS.test(change.address)) {',
    replace: 'if ("address" in change && change.address === "") {',
  },
  {
    id: "node/expected-index-ignored",
    bug: "changes members that are no longer those that the operator knew",
    file: SERVICE,
    find: "...(expectedIndex === undefined ? {} : { expectedIndex: Number(expectedIndex) }),",
    replace: "",
  },

  // --- what operators want
  {
    id: "node/uncommitted-is-done",
    bug: "reports a change as done that may be lost",
    file: "apps/node/src/members/view.ts",
    find: "return isCommitted && !isJoint({ members });",
    replace: "return !isJoint({ members }) || (isCommitted && false);",
  },
  {
    id: "node/joint-is-done",
    bug: "reports a change as done of which the second half is missing",
    file: "apps/node/src/members/view.ts",
    find: "return isCommitted && !isJoint({ members });",
    replace: "return isCommitted || (isJoint({ members }) && false);",
  },
  {
    id: "node/no-wait-is-uncertain",
    bug: "returns from --no-wait while the change can still be lost",
    file: PURSUE,
    find: "if (view.isCommitted && !this.#options.waits) return { view, isDone: false };",
    replace: "if (!this.#options.waits) return { view, isDone: false };",
  },
  {
    id: "node/lost-change-not-repeated",
    bug: "waits for a change that was lost with its leader",
    file: PURSUE,
    find: '      case "unknown":\n        this.#mayBeDone = true;',
    replace:
      '      case "unknown":\n        this.#attempt = { expectedIndex, answer: null, controller: new AbortController() };\n        this.#mayBeDone = true;',
  },
  {
    id: "node/undone-is-done-again",
    bug: "does over and over what another operator undoes",
    file: PURSUE,
    find: 'if (this.#wasCommitted) {\n      throw new CommandError("it was done',
    replace: 'if (this.#wasCommitted && this.#stage === "done") {\n      throw new CommandError("it was done',
  },
  {
    id: "node/impatient",
    bug: "gives up after a fixed time, however well it goes",
    file: PURSUE,
    find: "if (hasMoved || hasProgressed(this.#catchingUp, catchingUp)) this.#progressAtMs = this.#options.now();",
    replace: "if (hasMoved) this.#progressAtMs = this.#options.now();",
  },
  {
    id: "node/unknown-is-not-done",
    bug: "says that nothing was done when nobody can tell",
    file: PURSUE,
    find: 'if (this.#hasAsked || this.#stage === "underWay") {',
    replace: 'if (this.#stage === "underWay") {',
  },
  {
    id: "node/stalls-the-cluster",
    bug: "begins a change that the voters left cannot finish",
    file: SAFETY,
    find: "if (new Quorum(after).isReachedBy(answers)) return null;",
    replace: "if (new Quorum(after).isReachedBy(() => true)) return null;",
  },
  {
    id: "node/removed-before-replaced",
    bug: "takes a node out before the one that replaces it is in",
    file: REPLACEMENT,
    find: "return [addInPlaceOf(oldId, newId, address), gone(oldId)];",
    replace: "return [gone(oldId), addInPlaceOf(oldId, newId, address)];",
  },
  {
    id: "node/replaced-left-behind",
    bug: "leaves a replaced node a voter where a leader was elected that had not been asked to remove it",
    file: REPLACEMENT,
    find: "return [addInPlaceOf(oldId, newId, address), gone(oldId)];",
    replace: "return [addInPlaceOf(oldId, newId, address), gone(oldId)].slice(0, 1);",
  },
  {
    id: "node/replacement-adds-only",
    bug: "replaces a node in two requests, with one voter more in between",
    file: GOALS,
    find: 'changes: [...goal.changes, { type: "remove", id: oldId }]',
    replace: "changes: goal.changes.filter(() => oldId >= 0)",
  },
  {
    id: "node/replaced-is-missed",
    bug: "complains that the replaced node is not there to be removed",
    file: GOALS,
    find: "return { ...remove(id), problem: () => null };",
    replace: "return remove(id);",
  },
  {
    id: "node/replacement-without-the-old",
    bug: "does not count the old node among those who take its successor on",
    file: SAFETY,
    find: "firstStep(view, changes) ?? next",
    replace: "firstStep(view, []) ?? next",
  },
  {
    id: "node/unknown-member-is-removed",
    bug: "reports a node as removed that never was a member",
    file: GOALS,
    find: '    changes: [{ type: "remove", id }],\n    problem: (view) => missing(view, id),',
    replace: '    changes: [{ type: "remove", id }],\n    problem: () => null,',
  },
  {
    id: "node/anybody-may-lead",
    bug: "asks for a leader that is a learner",
    file: HAND_OVER,
    find: 'if (to !== null && member?.standing !== "voter") {',
    replace: 'if (to !== null && member?.standing !== "voter" && member?.standing !== "learner") {',
  },
  {
    id: "node/same-leader-is-another",
    bug: "reports that the leadership was handed over when it was not",
    file: HAND_OVER,
    find: "before !== null && leader.id !== before",
    replace: "before !== null",
  },

  // --- recovery
  {
    id: "node/recovered-under-the-old-name",
    bug: "recovers a cluster under its old name, so that old nodes come back to it",
    file: PLAN,
    find: "clusterId: nextEpoch(survivor.clusterId ?? clusterIdOf(peers)),",
    replace: "clusterId: survivor.clusterId ?? nextEpoch(clusterIdOf(peers)),",
  },
  {
    id: "node/recovered-in-an-old-term",
    bug: "writes the members of the new cluster in a term that the old one has used",
    file: PLAN,
    find: "const term = Math.max(survivor.term, lastLogTerm) + 1;",
    replace: "const term = Math.max(survivor.term, lastLogTerm);",
  },
  {
    id: "node/recovered-with-lost-voters",
    bug: "gives votes to nodes that are not there",
    file: PLAN,
    find: 'standing: isSelf ? "voter" : "promotable",',
    replace: 'standing: "voter",',
  },
  {
    id: "node/recovered-over-the-log",
    bug: "loses the last entry that the disk has",
    file: PLAN,
    find: "index: lastLogIndex + 1,",
    replace: "index: lastLogIndex,",
  },
  {
    id: "node/recovers-unasked",
    bug: "recovers without being told to",
    file: RECOVER,
    find: "if (!confirm(survivor, plan)) return null;",
    replace: "confirm(survivor, plan);",
  },
  {
    id: "node/snapshot-is-no-log",
    bug: "takes a log that is all in a snapshot for an empty one",
    file: SURVIVOR,
    find: "lastLogIndex: last?.index ?? snapshotIndex,",
    replace: "lastLogIndex: last?.index ?? 0,",
  },
];
