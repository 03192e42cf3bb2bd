import type { AppendEntries, Message } from "./messages.ts";

/**
 * True if a correct server could have sent `request`, whatever its state. A transport checks its own wire; this is the second fence, for the
 * transports we have not seen: a gap in the entries or a term that decreases along them would end in the log.
 */
export function isWellFormed(message: Message): boolean {
  if (!isPositive(message.term) && !isAnswer(message)) return false;
  switch (message.type) {
    case "requestVote":
    case "preVote":
      return isPosition(message.lastLogIndex, message.lastLogTerm, message.term);
    case "appendEntries":
      return isPosition(message.prevLogIndex, message.prevLogTerm, message.term) && hasGoodEntries(message);
    case "installSnapshot":
      return isPosition(message.lastIncludedIndex, message.lastIncludedTerm, message.term);
    case "appendEntriesResponse":
      // conflictIndex may be anything a foreign peer makes of it; it is clamped where it is used.
      return (
        isCount(message.term) && isCount(message.matchIndex) && Number.isSafeInteger(message.conflictIndex)
      );
    case "requestVoteResponse":
    case "installSnapshotResponse":
    case "preVoteResponse":
    case "refusal":
      return isCount(message.term);
    case "timeoutNow":
    case "readIndex":
      return true;
    case "readIndexResponse":
      return isCount(message.term) && Number.isSafeInteger(message.readIndex) && message.readIndex >= -1;
  }
}

/** A vote for -1 would be stored as a vote for nobody (eraft S7). */
export function isNodeId(value: number): boolean {
  return isCount(value);
}

function isAnswer({ type }: Message): boolean {
  // A server that has never heard of an election may ask before its first one.
  return type.endsWith("Response") || type === "refusal" || type === "preVote";
}

function hasGoodEntries({ prevLogIndex, prevLogTerm, entries, term, leaderCommit }: AppendEntries): boolean {
  let index = prevLogIndex;
  let last = prevLogTerm;
  for (const entry of entries) {
    index += 1;
    if (entry.index !== index || !isPositive(entry.term) || entry.term < last || entry.term > term)
      return false;
    last = entry.term;
  }
  return isCount(leaderCommit) && Number.isSafeInteger(index);
}

/** An entry's index with its term, neither above `term`; before the first entry both are 0. */
function isPosition(index: number, entryTerm: number, term: number): boolean {
  return isCount(index) && isCount(entryTerm) && entryTerm <= term && index > 0 === entryTerm > 0;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isPositive(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0;
}
