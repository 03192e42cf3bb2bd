import type { Mutant } from "../src/mutant.ts";

const VOTING = "packages/core/src/voting.ts";
const RAFT = "packages/core/src/raft.ts";
const SERVER = "packages/core/src/server.ts";
const LEADER = "packages/core/src/leader.ts";
const FORWARDED = "packages/core/src/forwarded-reads.ts";

/** Leaders that are not disturbed, that hand over, and that promise not to be replaced (dissertation, 9.6, 3.10 and 6.4). */
export const CORE_SUCCESSION: readonly Mutant[] = [
  {
    id: "core/pre-vote-against-leader",
    bug: "consents to an election although it hears from the leader",
    file: VOTING,
    find: "const leads = server.timer.isLeaderRecent && server.leaderId !== request.from;",
    replace: "const leads = server.timer.isLeaderRecent && server.leaderId === -1;",
  },
  {
    id: "core/pre-vote-without-log-check",
    bug: "consents to the election of a server that lacks committed entries",
    file: VOTING,
    find: "const wouldVote = server.mayVote && isUpToDate(server, request);",
    replace: "const wouldVote = server.mayVote;",
  },
  {
    id: "core/pre-vote-in-the-past",
    bug: "consents to an election in a term that is over",
    file: VOTING,
    find: "!leads && request.term >= server.term && wouldVote;",
    replace: "!leads && wouldVote;",
  },
  {
    id: "core/earlier-consent-counts",
    bug: "counts consent to an election that it asked for earlier",
    file: "packages/core/src/pre-candidate.ts",
    find: "response.sequence < this.#firstSequence",
    replace: "response.sequence < 0 * this.#firstSequence",
  },
  {
    id: "core/disruptive-candidate-heard",
    bug: "follows a candidate into its term although it hears from the leader",
    file: VOTING,
    find: "return timer.isLeaderRecent && leaderId !== request.from;",
    replace: "return timer.isLeaderRecent && leaderId === -1;",
  },
  {
    id: "core/silent-leader-named",
    bug: "names a leader to clients that has been silent for an election timeout",
    file: SERVER,
    find: "return this.timer.isLeaderRecent ? this.leaderId : null;",
    replace: "return this.timer.isLeaderGone ? null : this.leaderId;",
  },
  {
    id: "core/commands-during-transfer",
    bug: "takes commands while it hands over, so that its successor may never catch up",
    file: LEADER,
    find: 'if (this.#transfer.isActive) outbox.outcomes.push({ type: "transferring", id });\n    else this.#proposals',
    replace: "this.#proposals",
  },
  {
    id: "core/transfer-too-early",
    bug: "tells a server to take over that does not have all entries yet",
    file: "packages/core/src/transfer.ts",
    find: "    if (transfer.target.matchIndex < this.#server.log.lastIndex) return;\n",
    replace: "",
  },
  {
    id: "core/transfer-of-the-past",
    bug: "stands for election because a leader asked for that whose time is over",
    file: RAFT,
    find: "if (term !== current || from !== leaderId ||",
    replace: "if (term > current || (from === -1 && leaderId === null) ||",
  },
  {
    id: "core/lease-before-own-term",
    bug: "reads by a lease before it knows what is committed",
    like: ["tikv#6340"],
    file: LEADER,
    find: "this.#transfer.hasAsked || !this.#knowsCommitIndex) return false;",
    replace: "this.#transfer.hasAsked) return false;",
  },
  {
    id: "core/lease-outlives-transfer",
    bug: "reads by its lease after it has asked another server to take over",
    file: LEADER,
    find: "if (this.#lease === null || this.#transfer.hasAsked || ",
    replace: "if (this.#lease === null || ",
  },
  {
    id: "core/lease-from-the-answer",
    bug: "counts its lease from later than when it sent what was answered",
    file: "packages/core/src/lease.ts",
    find: "while (mark !== undefined && mark.sequence < sequence) {",
    replace: "while (mark !== undefined && mark.sequence <= sequence) {",
  },
  {
    id: "core/loyalty-lost-in-restart",
    bug: "forgets in a restart that a leader relies on it to vote for nobody",
    file: "packages/core/src/election-timer.ts",
    find: "config.leaseDuration === null ? Number.POSITIVE_INFINITY : 0;",
    replace: "Number.POSITIVE_INFINITY;",
  },
  {
    id: "core/loyalty-ends-with-the-term",
    bug: "votes in a term of which it has learned while the leader of the last one relies on it",
    file: RAFT,
    find: "return request.term >= this.#server.term && isDisruptive(this.#server, request);",
    replace: "return request.term > this.#server.term && isDisruptive(this.#server, request);",
  },
  {
    id: "core/answers-of-a-former-life-read",
    bug: "serves a read by an answer to a question of its former life",
    file: SERVER,
    find: "this.#nonce = new Random(config.seed).integer(0, 2 ** 32) * 2 ** 20;",
    replace: "this.#nonce = new Random(config.seed).integer(0, 2 ** 32) * 0;",
  },
  {
    id: "core/any-answer-reads",
    bug: "serves a read by the answer to a question from before it",
    file: FORWARDED,
    find: "from !== question.leaderId || !question.nonces.has(sequence)) return;",
    replace: "from !== question.leaderId || sequence < 0) return;",
  },
  {
    id: "core/reads-wait-for-nobody",
    bug: "lets reads wait for ever for entries that nobody is there to send",
    file: "packages/core/src/follower.ts",
    find: "    this.server.giveUpReads();\n",
    replace: "",
  },
];
