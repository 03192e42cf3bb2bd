import type { Mutant } from "../src/mutant.ts";

const TRANSFER = "packages/core/src/transfer.ts";
const LEADER = "packages/core/src/leader.ts";
const RAFT = "packages/core/src/raft.ts";

/** Leadership that is handed over (dissertation, 3.10), and what is promised to clients meanwhile (6.4.1). */
export const CORE_TRANSFER: readonly Mutant[] = [
  {
    id: "core/transfer-never-given-up",
    bug: "takes no commands for ever because the target of a transfer does not take over",
    like: ["openraft#1747"],
    file: TRANSFER,
    find: "    if (transfer.ticks < this.#server.config.electionTimeoutTicksMin) return;\n",
    replace: "    if (transfer.ticks > 0) return;\n",
  },
  {
    id: "core/transfer-to-any-member",
    bug: "hands its leadership to a learner",
    like: ["etcd 816fc51"],
    file: TRANSFER,
    find: 'return member !== null && countsIn(member.standing, "new");',
    replace: 'return member !== null && (countsIn(member.standing, "new") || member.id >= 0);',
  },
  {
    id: "core/transfer-to-the-leaving",
    bug: "hands its leadership to a voter that is on its way out",
    file: TRANSFER,
    find: 'return member !== null && countsIn(member.standing, "new");',
    replace: 'return member !== null && countsIn(member.standing, "old");',
  },
  {
    id: "core/transfer-to-itself",
    bug: "waits for itself to take over",
    file: TRANSFER,
    find: 'if (to === self) return "this server leads already";',
    replace: 'if (to === self && self < 0) return "this server leads already";',
  },
  {
    id: "core/transfer-to-the-silent",
    bug: "chooses a successor that has not been heard of for long",
    file: TRANSFER,
    find: "hasAnswered && ticksSinceContact < config.electionTimeoutTicksMin,",
    replace: "hasAnswered && ticksSinceContact < config.electionTimeoutTicksMin * 1e9,",
  },
  {
    id: "core/transfer-to-the-unheard",
    bug: "chooses a successor that it has never heard of",
    file: TRANSFER,
    find: "hasAnswered && ticksSinceContact < config.electionTimeoutTicksMin,",
    replace: "(hasAnswered || ticksSinceContact >= 0) && ticksSinceContact < config.electionTimeoutTicksMin,",
  },
  {
    id: "core/transfer-to-the-last",
    bug: "chooses the successor that lacks most",
    file: TRANSFER,
    find: "b.matchIndex - a.matchIndex || a.id - b.id",
    replace: "a.matchIndex - b.matchIndex || a.id - b.id",
  },
  {
    id: "core/transfer-asks-again-and-again",
    bug: "asks the target to stand in each turn of its loop",
    file: TRANSFER,
    find: "if (transfer === null || transfer.isSent) return;",
    replace: "if (transfer === null) return;",
  },
  {
    id: "core/transfer-unanswered",
    bug: "does not answer a transfer when it is replaced by another server than the target",
    file: LEADER,
    find: 'if (transfer !== null) outbox.outcomes.push({ type: "transferred", id: transfer });',
    replace: 'if (transfer === -1) outbox.outcomes.push({ type: "transferred", id: transfer });',
  },
  {
    id: "core/changes-during-transfer",
    bug: "takes changes of members while it hands over",
    file: LEADER,
    find: "  changeConfiguration(request: ConfigurationRequest): void {\n    if (this.#transfer.isActive) {",
    replace:
      "  changeConfiguration(request: ConfigurationRequest): void {\n    if (this.#transfer.isActive && request.id < 0) {",
  },
  {
    id: "core/second-transfer",
    bug: "begins another transfer while one is under way, and forgets the first",
    file: LEADER,
    find: '    if (this.#transfer.isActive) this.#server.outbox.outcomes.push({ type: "transferring", id });\n    else this.#transfer.begin(id, to, this.followers);',
    replace: "    this.#transfer.begin(id, to, this.followers);",
  },
  {
    id: "core/transfer-unmentioned-in-votes",
    bug: "does not say that the leader has asked for the election, and is refused because of that leader",
    file: "packages/core/src/candidate.ts",
    find: 'this.#isTransfer ? { type: "requestVote", leadershipTransfer: true } : { type: "requestVote" }',
    replace:
      'this.#isTransfer ? { type: "requestVote", leadershipTransfer: false } : { type: "requestVote" }',
  },
  {
    id: "core/transfer-refused-because-of-leader",
    bug: "refuses its vote to whom the leader has asked to take over",
    file: "packages/core/src/voting.ts",
    find: "if (!config.preVote || request.leadershipTransfer === true) return false;",
    replace: "if (!config.preVote) return false;",
  },
  {
    id: "core/asked-learner-stands",
    bug: "stands for election, being asked, although it is no voter",
    like: ["etcd 816fc51"],
    file: RAFT,
    find: "from !== leaderId || !mayStand) return;",
    replace: "from !== leaderId || (!mayStand && term < 0)) return;",
  },
  {
    id: "core/asked-by-anybody",
    bug: "stands for election because somebody asks that does not lead",
    file: RAFT,
    find: "if (term !== current || from !== leaderId || !mayStand",
    replace: "if (term !== current || (from !== leaderId && leaderId === null) || !mayStand",
  },
  {
    id: "core/asks-before-it-takes-over",
    bug: "asks whether it would win although the leader wants it to",
    file: RAFT,
    find: "    this.#campaign(true);\n",
    replace: "    this.#transitions.seekElection();\n",
  },
  // --- leases
  {
    id: "core/lease-of-one-answer",
    bug: "extends its lease by the answer of one follower, however many there are",
    file: LEADER,
    find: "this.#lease?.answered(sequence);",
    replace: "this.#lease?.answered(Math.max(sequence, this.#server.lastSequence));",
  },
  {
    id: "core/lease-one-unit-too-long",
    bug: "reads by a lease at the very moment it ends",
    file: "packages/core/src/lease.ts",
    find: "return now < this.#start + this.#duration;",
    replace: "return now <= this.#start + this.#duration;",
  },
  {
    id: "core/lease-for-every-read",
    bug: "reads by its lease where the client wanted a majority to be asked",
    file: LEADER,
    find: 'if (consistency === "lease" && this.#hasLease()) this',
    replace: 'if ((consistency === "lease" || id >= 0) && this.#hasLease()) this',
  },
  {
    id: "core/lease-ignores-the-clock",
    bug: "does not notice that the clock went on while the process stood still",
    like: ["etcd#6005", "sofa-jraft#26"],
    file: RAFT,
    find: "        this.#server.now = input.now;\n",
    replace: "        this.#server.now = Math.min(input.now, this.#server.now + 1 || input.now);\n",
  },
];
