import type { RaftState } from "@eraft/core";
import { mustHold } from "../violation.ts";

/** What a server knows fits together. */
export function checkOrder({
  id,
  baseIndex,
  snapshot,
  lastApplied,
  commitIndex,
  lastLogIndex,
  stableIndex,
  configuration,
}: RaftState): void {
  mustHold(
    baseIndex <= snapshot.lastIncludedIndex &&
      lastApplied <= commitIndex &&
      snapshot.lastIncludedIndex <= commitIndex &&
      commitIndex <= lastLogIndex &&
      stableIndex <= lastLogIndex &&
      configuration.index <= lastLogIndex,
    "State Order",
    () =>
      `${id}: base ${baseIndex}, snapshot ${snapshot.lastIncludedIndex}, applied ${lastApplied}, commit ${commitIndex}, stable ${stableIndex}, last ${lastLogIndex}, configuration ${configuration.index}`,
  );
}

/** What only ever grows has not shrunk. */
export function checkMonotonic(before: RaftState, now: RaftState): void {
  mustHold(
    now.term >= before.term && now.commitIndex >= before.commitIndex && now.lastApplied >= before.lastApplied,
    "Monotonic State",
    () => `${now.id}: term, commit or applied went back`,
  );
  const sameTerm = now.role === "leader" && before.role === "leader" && now.term === before.term;
  mustHold(
    !sameTerm || now.lastLogIndex >= before.lastLogIndex,
    "Leader Append-Only",
    () => `leader ${now.id} had ${before.lastLogIndex} entries and has ${now.lastLogIndex}`,
  );
}
