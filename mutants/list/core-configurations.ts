import type { Mutant } from "../src/mutant.ts";

const CONFIGURATION = "packages/core/src/configuration.ts";
const CONFIGURATIONS = "packages/core/src/configurations.ts";
const QUORUM = "packages/core/src/quorum.ts";
const LOG = "packages/core/src/log.ts";
const SERVER = "packages/core/src/server.ts";

/** Who counts in which majority, what becomes of a configuration, and which one is in force (dissertation, 4.1 and 4.3). */
export const CORE_CONFIGURATIONS: readonly Mutant[] = [
  {
    id: "core/old-half-is-enough",
    bug: "asks only the old half of a joint configuration",
    like: ["openraft 6c0ccaf3"],
    file: QUORUM,
    find: "this.#halves = same ? [old] : [old, next];",
    replace: "this.#halves = same ? [next] : [old];",
  },
  {
    id: "core/lost-disk-consents",
    bug: "counts the vote and the copies of a server that has lost its disk",
    like: ["rethinkdb#5289"],
    file: QUORUM,
    find: "(isElector(standing) ? id : null)",
    replace: "(isElector(standing) || id >= 0 ? id : null)",
  },
  {
    id: "core/lost-disk-not-in-majority",
    bug: "takes a majority of the disks that are left, which may miss what the lost one had helped to commit",
    file: QUORUM,
    find: ".filter(({ standing }) => countsIn(standing, which))",
    replace: '.filter(({ standing }) => countsIn(standing, which) && standing !== "rejoining")',
  },
  {
    id: "core/nobody-is-a-majority-of-nobody",
    bug: "elects itself while it waits to be added to a cluster",
    file: QUORUM,
    find: "return descending[majority(values.length) - 1] ?? 0;",
    replace: "return descending[majority(values.length) - 1] ?? 1;",
  },
  {
    id: "core/learner-counts",
    bug: "counts a server that has not caught up among the voters to come",
    like: ["openraft beb0302b"],
    file: CONFIGURATION,
    find: '    case "learner":\n    case "promotable":\n      return false;',
    replace:
      '    case "learner":\n    case "promotable":\n      return half === "new" && standing === "promotable";',
  },
  {
    id: "core/outgoing-counts-in-both",
    bug: "counts a server that goes in the new half, too",
    file: CONFIGURATION,
    find: '    case "voter":\n      return true;\n    case "incoming":',
    replace: '    case "voter":\n    case "outgoing":\n      return true;\n    case "incoming":',
    also: [
      {
        file: CONFIGURATION,
        find: '    case "outgoing":\n    case "demoted":\n    case "rejoining":\n      return half',
        replace: '    case "demoted":\n    case "rejoining":\n      return half',
      },
    ],
  },
  {
    id: "core/outgoing-stays-as-learner",
    bug: "keeps a removed server as a learner",
    file: CONFIGURATION,
    find: '    case "outgoing":\n      return null;\n    case "demoted":',
    replace: '    case "outgoing":\n    case "demoted":',
  },
  {
    id: "core/demoted-stays-voter",
    bug: "makes a voter again of one that was to become a learner",
    file: CONFIGURATION,
    find: '    case "demoted":\n      return "learner";',
    replace: '    case "demoted":\n      return "voter";',
  },
  {
    id: "core/rejoined-without-catching-up",
    bug: "gives a server that has lost its disk its vote back at once",
    file: CONFIGURATION,
    find: '    case "rejoining":\n      return "promotable";',
    replace: '    case "rejoining":\n      return "voter";',
  },
  {
    id: "core/new-server-votes-at-once",
    bug: "makes a voter of a server with an empty log",
    file: CONFIGURATION,
    find: 'type === "addVoter" ? "promotable" : "learner"',
    replace: 'type === "addVoter" ? "voter" : "learner"',
  },
  {
    id: "core/promoted-at-once",
    bug: "makes a voter of a learner that may be far behind",
    file: CONFIGURATION,
    find: 'members.set(id, { ...member, standing: "promotable" });',
    replace: 'members.set(id, { ...member, standing: "voter" });',
  },
  {
    id: "core/other-disk-unnoticed",
    bug: "does not notice that another disk speaks for a voter",
    like: ["rethinkdb#5289"],
    file: CONFIGURATION,
    find: "const isOtherDisk = member.incarnation !== null && member.incarnation !== incarnation;",
    replace: 'const isOtherDisk = member.incarnation === "" && member.incarnation !== incarnation;',
  },
  {
    id: "core/first-name-costs-the-vote",
    bug: "takes the vote from a server whose disk is named for the first time",
    file: CONFIGURATION,
    find: "const isOtherDisk = member.incarnation !== null && member.incarnation !== incarnation;",
    replace: "const isOtherDisk = member.incarnation !== incarnation;",
  },
  {
    id: "core/two-at-one-address",
    bug: "lets two members be at one address",
    file: CONFIGURATION,
    find: "addresses.find((address, at) => addresses.indexOf(address) !== at);",
    replace: "addresses.find((address, at) => addresses.indexOf(address) > at);",
  },
  {
    id: "core/last-voter-removed",
    bug: "lets the last voter be removed, and is never able to decide anything again",
    file: CONFIGURATION,
    find: "if (voters === 0) return",
    replace: "if (voters < 0) return",
  },
  {
    id: "core/removed-and-added-at-once",
    bug: "lets a server be removed and added in one step, with what its old disk had confirmed",
    file: CONFIGURATION,
    find: "if (isAddition && memberOf(current, change.id) !== null) {",
    replace:
      "if (isAddition && memberOf(current, change.id) !== null && !members.has(-1) && members.has(change.id)) {",
  },
  {
    id: "core/members-in-any-order",
    bug: "writes the same members in another order, depending on how they came about",
    file: CONFIGURATION,
    find: "  return { members: members.toSorted(byId) };\n}\n\n/** Why it cannot be done",
    replace: "  return { members };\n}\n\n/** Why it cannot be done",
  },
  {
    id: "core/members-count-once-applied",
    bug: "goes by a configuration only once its state machine has reached it",
    like: ["etcd#7280", "etcd#11284", "etcd#12133"],
    file: SERVER,
    find: "    return this.log.configuration.configuration;\n",
    replace:
      "    return (\n      this.log.configurationAt(this.lastApplied) ??\n      initialConfiguration(this.config.peers, this.config.addresses)\n    );\n",
  },
  {
    id: "core/members-count-once-committed",
    bug: "goes by a configuration only once it knows that it is committed",
    file: SERVER,
    find: "    return this.log.configuration.configuration;\n",
    replace:
      "    return (\n      this.log.configurationAt(this.commitIndex) ??\n      initialConfiguration(this.config.peers, this.config.addresses)\n    );\n",
  },
  {
    id: "core/snapshot-with-later-members",
    bug: "puts members into a snapshot that an entry after it has brought, committed or not",
    like: ["ClickHouse#105784"],
    file: LOG,
    find: "const found = this.#configurations.at(index);",
    replace: "const found = this.#configurations.at(index + 1_000_000);",
  },
  {
    id: "core/restart-without-members-of-snapshot",
    bug: "starts with the members that the cluster began with, whatever its snapshot says",
    like: ["etcd bd3c759"],
    file: LOG,
    find: "this.#configurations = new Configurations(this.#baseOf(snapshot));",
    replace: "this.#configurations = new Configurations(this.#baseOf(snapshot === null ? snapshot : null));",
  },
  {
    id: "core/compaction-drops-later-members",
    bug: "forgets in a compaction the configurations that are not compacted",
    like: ["openraft dba24036"],
    file: CONFIGURATIONS,
    find: "this.#history = [base, ...this.#history.filter((one) => one.index > base.index)];",
    replace: "this.#history = [base, ...this.#history.filter((one) => one.index < base.index)];",
  },
  {
    id: "core/contradicted-members-stay",
    bug: "keeps configurations of entries that a snapshot contradicts",
    file: CONFIGURATIONS,
    find: "...(keepsRest ? this.#history",
    replace: "...(keepsRest || snapshotIndex > 0 ? this.#history",
  },
  {
    id: "core/snapshot-drops-later-members",
    bug: "forgets the configurations of the entries that follow a snapshot",
    file: CONFIGURATIONS,
    find: "...(keepsRest ? this.#history",
    replace: "...(keepsRest && snapshotIndex < 0 ? this.#history",
  },
];
