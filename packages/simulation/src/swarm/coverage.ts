/** Situations that a good run of the simulator must have met, and how often it did. */
const SITUATIONS = [
  // Elections
  "elected",
  "steppedDown",
  "preVoteRefusedForLeader",
  "removedServerAsksInVain",
  "leaderCrashHinted",
  "wrongHint",
  // Replication
  "truncated",
  "largeBatch",
  "snapshotInstalled",
  "snapshotRequested",
  "compacted",
  // Processes and disks
  "crashedKeepingWrite",
  "crashedLosingWrite",
  "diskWiped",
  "wipedServerVotesAgain",
  "unknownDiskIgnored",
  // Members
  "membersChanged",
  "changeRefused",
  "staleChangeRefused",
  "changePending",
  "changeUnknown",
  "severalChanges",
  "grewFromOne",
  "sevenVoters",
  "voterReplaced",
  "voterDemoted",
  "voterRejoining",
  "learnerPromoted",
  "learnerGotSnapshot",
  "removedServerIsBack",
  "leaderRemovedItself",
  "electedInJointConfiguration",
  "configurationRolledBack",
  "jointConfigurationInSnapshot",
  "jointConfigurationInstalled",
  "jointConfigurationRestored",
  // Transfers
  "transferred",
  "transferredAllTheSame",
  "transferTimedOut",
  "transferTargetCrashed",
  "transferTargetCutOff",
  "refusedWhileTransferring",
  // Requests
  "outcomeUnknown",
  "busy",
  "readServed",
  "forwardedReadServed",
  "forwardedReadAcrossLeaderChange",
  "leaseReadServed",
  "leaseReadRefusedAfterPause",
] as const;

export type Situation = (typeof SITUATIONS)[number];

export class Coverage {
  readonly #counts = new Map<Situation, number>(SITUATIONS.map((situation) => [situation, 0]));

  hit(situation: Situation): void {
    this.#counts.set(situation, (this.#counts.get(situation) ?? 0) + 1);
  }

  counts(): ReadonlyMap<Situation, number> {
    return this.#counts;
  }
}
