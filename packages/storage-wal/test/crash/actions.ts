import type { Entry, HardState, WriteBatch } from "@eraft/core";
import type { Step } from "../model.ts";
import { nextConfiguration } from "./members.ts";
import type { Random } from "./random.ts";
import type { Stored } from "./stored.ts";
import { after, lastIndexOf, lastTermOf } from "./stored.ts";

/** What a server, its operator or its operating system does to a storage. */
export type Action =
  | { readonly type: "step"; readonly step: Step }
  /** Steps that do not wait for each other, at most one of them a snapshot, which has been filled before. */
  | { readonly type: "burst"; readonly steps: readonly Step[] }
  /** A snapshot that is filled and given up. */
  | { readonly type: "giveUp"; readonly step: Step & { readonly type: "snapshot" } }
  | { readonly type: "reopen" }
  /** The process dies after so many changes of the disk, in the middle of `step` unless that takes fewer. */
  | { readonly type: "kill"; readonly step: Step; readonly changes: number };

/** An action that a correct server could take now. */
export function nextAction(random: Random, stored: Stored): Action {
  const choice = random.below(20);
  if (choice < 13) return { type: "step", step: nextStep(random, stored) };
  if (choice < 15) return nextBurst(random, stored);
  if (choice < 16) return { type: "giveUp", step: nextSnapshot(random, stored) };
  if (choice < 17) return { type: "reopen" };
  return { type: "kill", step: nextStep(random, stored), changes: random.below(16) };
}

/**
 * The batch that a power loss took, as the leader of a later term sends it: of the same length, so that it goes where the lost one was. What is
 * left of the two must not add up to the first.
 */
export function twinOf(lost: Step | null, stored: Stored): Step | null {
  if (lost === null || lost.type !== "write" || lost.batch.entries[0]?.index !== lastIndexOf(stored) + 1) {
    return null;
  }
  const term = (lost.batch.hardState ?? stored.hardState).term + 1;
  return write({ ...lost.batch, hardState: { term, votedFor: 1 } });
}

function nextStep(random: Random, stored: Stored): Step {
  const choice = random.below(20);
  if (choice < 3) return write({ hardState: nextHardState(random, stored) });
  if (choice < 10) return nextAppend(random, stored, null);
  if (choice < 14) return nextTruncation(random, stored);
  if (choice < 19) return nextSnapshot(random, stored);
  return write({});
}

/** Each step is one that makes sense after those before it, and often only then. */
function nextBurst(random: Random, stored: Stored): Action {
  const steps: Step[] = [];
  let last = stored;
  const turnOfSnapshot = random.below(5);
  for (let turn = 0, count = random.between(2, 4); turn < count; turn += 1) {
    const step = turn === turnOfSnapshot ? nextSnapshot(random, last) : nextWrite(random, last);
    steps.push(step);
    last = after(last, step);
  }
  return { type: "burst", steps };
}

function nextWrite(random: Random, stored: Stored): Step {
  const choice = random.below(4);
  if (choice === 0) return write({ hardState: nextHardState(random, stored) });
  return choice === 1 ? nextTruncation(random, stored) : nextAppend(random, stored, null);
}

function nextAppend(random: Random, stored: Stored, truncateFrom: number | null): Step {
  const kept =
    truncateFrom === null
      ? stored
      : { ...stored, entries: stored.entries.filter((e) => e.index < truncateFrom) };
  const hardState = random.oneIn(3) ? nextHardState(random, stored) : null;
  // Terms never decrease along a log, and no entry is of a term that the server has not seen.
  const highest = Math.max(1, (hardState ?? stored.hardState).term, lastTermOf(kept));
  const lowest = Math.max(1, lastTermOf(kept));
  const sizes = nextSizes(random);
  const turn = random.below(sizes.length + 1);
  const middle = random.between(lowest, highest);
  const first = lastIndexOf(kept) + 1;
  const entries = sizes.map((size, i): Entry => {
    const position = { index: first + i, term: i < turn ? middle : highest };
    return random.oneIn(8)
      ? { ...position, command: new Uint8Array(0), configuration: nextConfiguration(random) }
      : { ...position, command: random.bytes(size) };
  });
  return write({ hardState, truncateFrom, entries });
}

function nextTruncation(random: Random, stored: Stored): Step {
  const from = stored.entries[random.below(Math.max(1, stored.entries.length))]?.index;
  if (from === undefined) return nextAppend(random, stored, null);
  return random.oneIn(3) ? write({ truncateFrom: from }) : nextAppend(random, stored, from);
}

/** Of the log, which keeps what follows; against the log, or beyond its end, which keeps nothing. */
function nextSnapshot(random: Random, stored: Stored): Step & { type: "snapshot" } {
  const covered = stored.entries[random.below(Math.max(1, stored.entries.length))];
  if (covered !== undefined && !random.oneIn(3)) return snapshotAt(random, covered.index, covered.term);
  const term = Math.max(1, stored.hardState.term, lastTermOf(stored));
  if (covered !== undefined && random.oneIn(2)) return snapshotAt(random, covered.index, term + 1);
  return snapshotAt(random, lastIndexOf(stored) + random.between(1, 10), term);
}

function snapshotAt(
  random: Random,
  lastIncludedIndex: number,
  lastIncludedTerm: number,
): Step & { type: "snapshot" } {
  const data = random.bytes(random.oneIn(4) ? random.below(1500) : random.below(200));
  const position = { lastIncludedIndex, lastIncludedTerm };
  const meta = random.oneIn(3) ? position : { ...position, configuration: nextConfiguration(random) };
  return { type: "snapshot", meta, data };
}

function nextHardState(random: Random, stored: Stored): HardState {
  const term = Math.max(1, stored.hardState.term, lastTermOf(stored)) + random.below(3);
  return { term, votedFor: random.oneIn(3) ? null : random.below(3) };
}

/** Heartbeat-sized, many at once, or larger than what is left of a segment, or than a segment. */
function nextSizes(random: Random): readonly number[] {
  const choice = random.below(8);
  if (choice === 0) return [random.between(1000, 3500)];
  if (choice === 1) return Array.from({ length: random.between(5, 20) }, () => random.below(12));
  return Array.from({ length: random.between(1, 3) }, () => random.below(400));
}

function write(part: Partial<WriteBatch>): Step {
  return { type: "write", batch: { hardState: null, truncateFrom: null, entries: [], ...part } };
}
