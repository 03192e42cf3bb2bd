import type { Mutant } from "../src/mutant.ts";

const SERVER = "packages/core/src/server.ts";
const VOTING = "packages/core/src/voting.ts";

/** Bugs of changing members that the simulator has found in this project; see docs/found-bugs.md. */
export const FOUND_MEMBERS: readonly Mutant[] = [
  {
    id: "core/found-stands-on-another-disk",
    bug: "stands for election on a new disk, by a configuration of its former life",
    file: SERVER,
    find: "      return own === null || member.incarnation === null || member.incarnation === own;\n",
    replace: "      return own === null || true;\n",
  },
  {
    id: "core/found-votes-without-a-cluster",
    bug: "votes on an empty disk, in place of the one that was lost",
    file: VOTING,
    find: "  const voteGranted = isFree && mayVote && isUpToDate(server, request);",
    replace: "  const voteGranted = isFree && (mayVote || true) && isUpToDate(server, request);",
  },
  {
    id: "core/found-pre-votes-without-a-cluster",
    bug: "says on an empty disk that it would vote, in place of the one that was lost",
    file: VOTING,
    find: "  const wouldVote = server.mayVote && isUpToDate(server, request);",
    replace: "  const wouldVote = isUpToDate(server, request);",
  },
  {
    id: "core/found-alone-breaks-promise",
    bug: "elects itself as soon as it is told that it is alone, while the leader that left may still have a lease",
    file: SERVER,
    find: "    const hasPromised = this.term > 0 && this.timer.isLeaderRecent;\n",
    replace: "    const hasPromised = false;\n",
  },
  {
    id: "core/found-removed-leader-promotes",
    bug: "begins another change of the members as a leader that has removed itself, and stays until that is done",
    file: "packages/core/src/reconfiguration.ts",
    find: "    if (!mayLead(this.#server)) return;\n",
    replace: "",
  },
];
