import type { Mutant } from "../src/mutant.ts";

const VOTING = "packages/core/src/voting.ts";
const RAFT = "packages/core/src/raft.ts";
const LEADER = "packages/core/src/leader.ts";
const BALLOT = "packages/core/src/ballot.ts";
const CANDIDATE = "packages/core/src/candidate.ts";
const PRE_CANDIDATE = "packages/core/src/pre-candidate.ts";
const TIMER = "packages/core/src/election-timer.ts";

/** The question before an election, loyalty to a leader, and the hint that it is gone (dissertation, 9.6 and 4.2.3). */
export const CORE_PREVOTE: readonly Mutant[] = [
  {
    id: "core/stands-without-asking",
    bug: "raises its term before it knows that it could win",
    file: RAFT,
    find: "if (!config.preVote) return this.#campaign(false);",
    replace: "if (!config.preVote || config.heartbeatTicks > 0) return this.#campaign(false);",
  },
  {
    id: "core/consent-is-a-vote",
    bug: "gives its vote away when it is only asked",
    file: VOTING,
    find: "  server.sendInDurableTerm({\n",
    replace:
      "  if (voteGranted && server.votedFor === null) server.setHardState(server.term, request.from);\n  server.sendInDurableTerm({\n",
  },
  {
    id: "core/consent-restarts-timer",
    bug: "puts off its own election each time it is asked",
    like: ["hashicorp/raft#606"],
    file: VOTING,
    find: "  server.sendInDurableTerm({\n",
    replace: "  if (voteGranted) server.restartElectionTimer();\n  server.sendInDurableTerm({\n",
  },
  {
    id: "core/question-raises-term",
    bug: "comes to the term of whoever asks",
    file: RAFT,
    find: "    answerPreVote(this.#server, request);\n",
    replace:
      "    if (request.term > this.#server.term) this.#becomeFollower(request.term);\n    answerPreVote(this.#server, request);\n",
  },
  {
    id: "core/question-of-an-impossible-term",
    bug: "answers a question in a term that no cluster can have come to",
    file: RAFT,
    find: "    if (request.term > this.#server.term + MAX_TERM_LEAP) return;\n    answerPreVote",
    replace: "    answerPreVote",
  },
  {
    id: "core/asker-not-told-the-term",
    bug: "does not tell a server of an earlier term why it refuses, so that it asks in vain for ever",
    like: ["etcd d4471b2", "canonical/raft#279", "openraft#1796"],
    file: VOTING,
    find: "    // With a higher term than the sender's it goes there first: it could never be elected below.\n    term: server.term,\n",
    replace: "    term: Math.min(server.term, request.term),\n",
  },
  {
    id: "core/former-leader-refused",
    bug: "refuses a leader that has given up, because of that very leader",
    like: ["hashicorp/raft#606"],
    file: VOTING,
    find: "const leads = server.timer.isLeaderRecent && server.leaderId !== request.from;",
    replace: "const leads = server.timer.isLeaderRecent;",
  },
  {
    id: "core/consents-are-votes",
    bug: "counts the answers to the question before an election as votes",
    like: ["canonical/raft#196"],
    file: CANDIDATE,
    find: 'if (response.type !== "requestVoteResponse" || response.term !== this.server.term) return;',
    replace:
      'if (response.type !== "requestVoteResponse" && response.type !== "preVoteResponse") return;\n    if (response.type === "requestVoteResponse" && response.term !== this.server.term) return;',
  },
  {
    id: "core/votes-are-consents",
    bug: "takes a vote of an earlier election for consent to the next one",
    file: PRE_CANDIDATE,
    find: 'if (response.type !== "preVoteResponse" || response.sequence',
    replace:
      'if (response.type !== "preVoteResponse" && response.type !== "requestVoteResponse") return;\n    if (response.sequence',
  },
  {
    id: "core/consent-to-an-earlier-life",
    bug: "numbers its questions from 1 again after a restart, and counts consent that it asked for before",
    file: PRE_CANDIDATE,
    find: "    if (response.sequence > this.server.lastNonce) return;\n",
    replace: "",
    also: [
      {
        file: PRE_CANDIDATE,
        find: "this.#firstSequence = server.lastNonce + 1;",
        replace: "this.#firstSequence = server.lastSequence + 1;",
      },
      {
        file: BALLOT,
        find: 'question.type === "preVote" ? server.nextNonce() : server.nextSequence()',
        replace: "server.nextSequence()",
      },
    ],
  },
  {
    id: "core/consent-to-a-question-to-come",
    bug: "counts consent to what it asked before a restart if that has the higher number",
    file: PRE_CANDIDATE,
    find: "    if (response.sequence > this.server.lastNonce) return;\n",
    replace: "",
  },
  {
    id: "core/refusal-is-consent",
    bug: "counts a refusal to consent as consent",
    file: PRE_CANDIDATE,
    find: "this.#ballot.add(response.from, response.voteGranted);",
    replace: "this.#ballot.add(response.from, response.voteGranted || response.term >= 0);",
  },
  {
    id: "core/question-asked-once",
    bug: "waits for another election timeout when a question is lost",
    file: PRE_CANDIDATE,
    find: "    if (this.#ticksSinceAsked >= this.server.config.heartbeatTicks) this.#ask();\n",
    replace: "",
  },
  {
    id: "core/stands-while-writing",
    bug: "stands for election while its disk is busy with something else, for as long as that takes",
    file: PRE_CANDIDATE,
    find: "if (this.#ballot.isWon && !this.server.storageBusy)",
    replace: "if (this.#ballot.isWon)",
  },
  {
    id: "core/question-in-a-forgettable-term",
    bug: "names a term in a question that it may have forgotten after a crash",
    file: BALLOT,
    find: "else server.sendInDurableTerm(request);",
    replace: "else server.send(request);",
  },
  {
    id: "core/learners-asked",
    bug: "asks learners for their votes, too",
    file: BALLOT,
    find: "if (id === server.id || !isElector(standing)) continue;",
    replace: 'if (id === server.id || (!isElector(standing) && standing === "rejoining")) continue;',
  },
  {
    id: "core/leader-disturbed",
    bug: "gives up its leadership to whoever comes with a higher term",
    file: LEADER,
    find: "    server.timer.heardFromLeader();\n",
    replace: "",
  },
  {
    id: "core/leader-of-an-earlier-term-recent",
    bug: "is loyal to the leader of an earlier term",
    file: TIMER,
    find: "if (this.#config.leaseDuration === null) this.#ticksSinceLeader = Number.POSITIVE_INFINITY;",
    replace: "if (this.#config.leaseDuration !== null) this.#ticksSinceLeader += 0;",
  },
  {
    id: "core/loyal-to-itself",
    bug: "votes for nobody for a while after it has stepped down",
    file: TIMER,
    find: "  ledItself(): void {\n    this.#ticksSinceLeader = Number.POSITIVE_INFINITY;",
    replace: "  ledItself(): void {\n    this.#ticksSinceLeader += 1;",
  },
  {
    id: "core/loyal-for-too-long",
    bug: "consents to nobody although the leader has been silent for an election timeout",
    file: TIMER,
    find: "this.#ticksSinceLeader < this.#config.electionTimeoutTicksMin;",
    replace: "this.#ticksSinceLeader <= this.#config.electionTimeoutTicksMin;",
  },
  {
    id: "core/hint-about-anybody",
    bug: "takes its leader for gone when some other server is",
    file: RAFT,
    find: "if (input.peer === this.#server.leaderId) this.#server.timer.leaderIsGone();",
    replace: "if (input.peer >= 0) this.#server.timer.leaderIsGone();",
  },
  {
    id: "core/impatient-candidate",
    bug: "stands again, while the leader counts as gone, before votes can have come",
    file: TIMER,
    find: "return this.#random.integer(2 * heartbeatTicks, 4 * heartbeatTicks + 1);",
    replace: "return this.#random.integer(1, 2 * heartbeatTicks + 1);",
  },
  {
    id: "core/loyal-to-the-gone",
    bug: "refuses its vote because of a leader whose process is gone",
    file: TIMER,
    find: "return this.#goneTicks === 0 && this.#ticksSinceLeader",
    replace: "return this.#ticksSinceLeader",
  },
  {
    id: "core/gone-though-it-speaks",
    bug: "takes its leader for gone although it has spoken since",
    file: TIMER,
    find: "    this.#ticksSinceLeader = 0;\n    this.#goneTicks = 0;\n",
    replace: "    this.#ticksSinceLeader = 0;\n",
  },
  {
    id: "core/gone-for-ever",
    bug: "draws short election timeouts for ever once a leader was gone",
    file: TIMER,
    find: "    if (this.#goneTicks > 0) this.#goneTicks -= 1;\n",
    replace: "",
  },
  {
    id: "core/hint-breaks-lease",
    bug: "votes for another server because the connection to the leader broke, whose clients may still be connected",
    file: TIMER,
    find: "    if (this.#config.leaseDuration !== null) return;\n",
    replace: "",
  },
];
