/** Situations that many runs together must have met. */
const SITUATIONS = [
  "elected",
  "localSnapshot",
  "receivedSnapshot",
  "snapshotCut",
  "snapshotTimedOut",
  "snapshotTimedOutButInstalled",
  "snapshotRepeated",
  "messageLost",
  "messageRepeated",
  "replyLost",
  "lossReported",
  "messageOfFormerLife",
  "crash",
  "crashAtBoundary",
  "crashKeptWrite",
  "crashLostWrite",
  "crashLostSnapshot",
  "crashWhileStarting",
  "gracefulStop",
  "restart",
  "startFailed",
  "writeFailed",
  "readFailed",
  "diskFull",
  "diskHung",
  "diskSlow",
  "bitFlipped",
  "diskWiped",
  "paused",
  "requestLost",
  "answerLost",
  "lateRequest",
  "duplicateCommitted",
  "retried",
  "outcomeUnknown",
  "certainlyNotDone",
  "busy",
  "membersChanged",
  "changeRefused",
  "changePending",
  "changeUnknown",
  "joinedCluster",
  "leadershipTransferred",
  "transferFailed",
  "refusedWhileTransferring",
  "introductionRefused",
  "diskReplaced",
  "replacedDiskVotes",
  "leaseRead",
  "staleRead",
  "readAtFollower",
  "swapped",
  "notSwapped",
  "changesTold",
  "progressTold",
  "watchBroke",
  "stateAheadOfSnapshot",
  "stateBehindSnapshot",
  "stateInDatabase",
] as const;

export type Situation = (typeof SITUATIONS)[number];

/** How often each situation was met. */
export class Coverage {
  readonly #counts = new Map<Situation, number>(SITUATIONS.map((situation) => [situation, 0]));

  hit(situation: Situation): void {
    this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + 1);
  }

  counts(): ReadonlyMap<Situation, number> {
    return this.#counts;
  }
}
