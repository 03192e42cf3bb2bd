import { type DescMessage, type Message, type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import {
  AppendEntriesRequestSchema,
  InstallSnapshotRequestSchema,
  RequestVoteRequestSchema,
} from "@eraft/proto/raftpb";
import { COMMIT_INDEX, LAST_INDEX, LEADER, MAX_TERM_LEAP, OTHER, SELF, TERM, termAt } from "./cluster.ts";
import { RAFT, Status, type StreamInput, call } from "./input.ts";
import type { Random } from "./random.ts";

/** The fields of a message, without what a message of its class has besides. */
type Init<Schema extends DescMessage> = Exclude<MessageInitShape<Schema>, Message>;
type Vote = Init<typeof RequestVoteRequestSchema>;
type Append = Init<typeof AppendEntriesRequestSchema>;
type Snapshot = Init<typeof InstallSnapshotRequestSchema>;

const { ok, invalidArgument, permissionDenied, failedPrecondition } = Status;

function vote(kind: string, expected: number, fields: Vote): StreamInput {
  const message = create(RequestVoteRequestSchema, fields);
  return call(`vote: ${kind}`, `${RAFT}RequestVote`, toBinary(RequestVoteRequestSchema, message), expected);
}

function append(kind: string, expected: number, fields: Append): StreamInput {
  const message = create(AppendEntriesRequestSchema, fields);
  const bytes = toBinary(AppendEntriesRequestSchema, message);
  return call(`append: ${kind}`, `${RAFT}AppendEntries`, bytes, expected);
}

function snapshot(kind: string, expected: number, fields: Snapshot): StreamInput {
  const message = create(InstallSnapshotRequestSchema, fields);
  const bytes = toBinary(InstallSnapshotRequestSchema, message);
  return call(`snapshot: ${kind}`, `${RAFT}InstallSnapshot`, bytes, expected);
}

/** No int64 that a term or an index can be. */
function noNumber(random: Random): bigint {
  return random.oneIn(2) ? random.negative() : random.huge();
}

function noTerm(random: Random): bigint {
  return random.oneIn(4) ? 0n : noNumber(random);
}

function stranger(random: Random): bigint {
  return BigInt(random.between(3, 2 ** 31 - 1));
}

function leapTerm(random: Random): bigint {
  return BigInt(TERM + MAX_TERM_LEAP + 1 + random.below(2 ** 31)) << BigInt(random.below(20));
}

function oldTerm(random: Random): bigint {
  return BigInt(random.between(1, TERM - 1));
}

/** A valid request of the other server, in the present term; its log is too old for a vote. */
function staleVote(): Vote & { lastLogIndex: bigint; lastLogTerm: bigint; term: bigint } {
  return { term: BigInt(TERM), candidateId: BigInt(OTHER), lastLogIndex: 9n, lastLogTerm: 3n };
}

const VOTES: readonly ((random: Random) => StreamInput)[] = [
  (r) => vote("no term", invalidArgument, { ...staleVote(), term: noTerm(r) }),
  (r) => vote("no candidate", invalidArgument, { ...staleVote(), candidateId: noNumber(r) }),
  () => vote("from itself", permissionDenied, { ...staleVote(), candidateId: BigInt(SELF) }),
  (r) => vote("from a stranger", permissionDenied, { ...staleVote(), candidateId: stranger(r) }),
  (r) => vote("no last index", invalidArgument, { ...staleVote(), lastLogIndex: noNumber(r) }),
  (r) => vote("no last term", invalidArgument, { ...staleVote(), lastLogTerm: noNumber(r) }),
  (r) =>
    vote("a term before the log", invalidArgument, {
      ...staleVote(),
      lastLogIndex: 0n,
      lastLogTerm: BigInt(r.between(1, TERM)),
    }),
  (r) =>
    vote("an entry without term", invalidArgument, {
      ...staleVote(),
      lastLogIndex: BigInt(r.between(1, 99)),
      lastLogTerm: 0n,
    }),
  (r) =>
    vote("last term above its own", invalidArgument, {
      ...staleVote(),
      lastLogTerm: BigInt(r.between(TERM + 1, 2 ** 31)),
    }),
  (r) => vote("a leap in terms", failedPrecondition, { ...staleVote(), term: leapTerm(r) }),
  (r) => vote("an old term", ok, { ...staleVote(), term: oldTerm(r), lastLogTerm: 1n }),
  (r) => vote("an old log", ok, { ...staleVote(), lastLogIndex: BigInt(r.between(1, 2 ** 31)) }),
];

/** A heartbeat of the leader. */
function heartbeat(random: Random): Append & { prevLogIndex: bigint } {
  const at = random.between(COMMIT_INDEX, LAST_INDEX);
  return {
    term: BigInt(TERM),
    leaderId: BigInt(LEADER),
    prevLogIndex: BigInt(at),
    prevLogTerm: BigInt(termAt(at)),
    leaderCommit: BigInt(random.below(COMMIT_INDEX)),
  };
}

/** New entries after `heartbeat`, one of which is then broken. */
function entriesAfter(random: Random, prevLogIndex: bigint) {
  return Array.from({ length: random.between(1, 5) }, (_, i) => ({
    index: prevLogIndex + 1n + BigInt(i),
    term: BigInt(TERM),
    command: random.bytes(random.below(40)),
  }));
}

function appendWithBadEntry(
  kind: string,
  random: Random,
  spoil: (entry: { index: bigint; term: bigint }) => void,
): StreamInput {
  const fields = heartbeat(random);
  const entries = entriesAfter(random, fields.prevLogIndex);
  const entry = entries[random.below(entries.length)];
  if (entry !== undefined) spoil(entry);
  return append(kind, invalidArgument, { ...fields, entries });
}

const APPENDS: readonly ((random: Random) => StreamInput)[] = [
  (r) => append("no term", invalidArgument, { ...heartbeat(r), term: noTerm(r) }),
  (r) => append("no leader", invalidArgument, { ...heartbeat(r), leaderId: noNumber(r) }),
  (r) => append("from itself", permissionDenied, { ...heartbeat(r), leaderId: BigInt(SELF) }),
  (r) => append("from a stranger", permissionDenied, { ...heartbeat(r), leaderId: stranger(r) }),
  (r) => append("no previous index", invalidArgument, { ...heartbeat(r), prevLogIndex: noNumber(r) }),
  (r) => append("no previous term", invalidArgument, { ...heartbeat(r), prevLogTerm: noNumber(r) }),
  (r) => append("no commit index", invalidArgument, { ...heartbeat(r), leaderCommit: noNumber(r) }),
  (r) => append("a term before the log", invalidArgument, { ...heartbeat(r), prevLogIndex: 0n }),
  (r) => append("an entry without term", invalidArgument, { ...heartbeat(r), prevLogTerm: 0n }),
  (r) =>
    append("previous term above its own", invalidArgument, {
      ...heartbeat(r),
      prevLogTerm: BigInt(r.between(TERM + 1, 2 ** 31)),
    }),
  (r) => append("a leap in terms", failedPrecondition, { ...heartbeat(r), term: leapTerm(r) }),
  (r) => append("a second leader", failedPrecondition, { ...heartbeat(r), leaderId: BigInt(OTHER) }),
  (r) =>
    append("an old term", ok, {
      ...heartbeat(r),
      term: oldTerm(r),
      leaderId: BigInt(r.pick([LEADER, OTHER])),
      prevLogIndex: 1n,
      prevLogTerm: 1n,
    }),
  (r) =>
    append("beyond the log", ok, {
      ...heartbeat(r),
      prevLogIndex: BigInt(r.between(LAST_INDEX + 1, 2 ** 31)),
      prevLogTerm: BigInt(TERM),
    }),
  (r) =>
    append("a commit index above what it verifies", ok, {
      ...heartbeat(r),
      prevLogIndex: BigInt(COMMIT_INDEX),
      prevLogTerm: BigInt(termAt(COMMIT_INDEX)),
      leaderCommit: BigInt(r.between(COMMIT_INDEX, 2 ** 31)),
    }),
  (r) =>
    appendWithBadEntry("a gap or a repetition", r, (entry) => (entry.index += BigInt(r.pick([-1, 1, 2])))),
  (r) => appendWithBadEntry("no index", r, (entry) => (entry.index = noNumber(r))),
  (r) => appendWithBadEntry("no term of an entry", r, (entry) => (entry.term = noTerm(r))),
  (r) => appendWithBadEntry("a term that decreases", r, (entry) => (entry.term = oldTerm(r))),
  (r) =>
    appendWithBadEntry("a term above its own", r, (entry) => {
      entry.term = BigInt(r.between(TERM + 1, 2 ** 31));
    }),
];

/** Of something that is here already. */
function oldSnapshot(random: Random): Snapshot {
  const at = random.between(1, COMMIT_INDEX);
  return {
    term: BigInt(TERM),
    leaderId: BigInt(LEADER),
    lastIncludedIndex: BigInt(at),
    lastIncludedTerm: BigInt(termAt(at)),
    data: random.bytes(random.below(200)),
  };
}

const SNAPSHOTS: readonly ((random: Random) => StreamInput)[] = [
  (r) => snapshot("no term", invalidArgument, { ...oldSnapshot(r), term: noTerm(r) }),
  (r) => snapshot("no leader", invalidArgument, { ...oldSnapshot(r), leaderId: noNumber(r) }),
  (r) => snapshot("from itself", permissionDenied, { ...oldSnapshot(r), leaderId: BigInt(SELF) }),
  (r) => snapshot("from a stranger", permissionDenied, { ...oldSnapshot(r), leaderId: stranger(r) }),
  (r) => snapshot("no index", invalidArgument, { ...oldSnapshot(r), lastIncludedIndex: noNumber(r) }),
  (r) => snapshot("no last term", invalidArgument, { ...oldSnapshot(r), lastIncludedTerm: noTerm(r) }),
  (r) =>
    snapshot("last term above its own", invalidArgument, {
      ...oldSnapshot(r),
      lastIncludedIndex: BigInt(r.between(1, 2 ** 31)),
      lastIncludedTerm: BigInt(r.between(TERM + 1, 2 ** 31)),
    }),
  (r) => snapshot("a leap in terms", failedPrecondition, { ...oldSnapshot(r), term: leapTerm(r) }),
  (r) => snapshot("a second leader", failedPrecondition, { ...oldSnapshot(r), leaderId: BigInt(OTHER) }),
  (r) =>
    snapshot("an old term", ok, {
      ...oldSnapshot(r),
      term: oldTerm(r),
      lastIncludedIndex: BigInt(r.between(1, 2 ** 31)),
      lastIncludedTerm: 1n,
    }),
  (r) =>
    snapshot("the empty one of a Go leader", ok, {
      ...oldSnapshot(r),
      lastIncludedIndex: 0n,
      lastIncludedTerm: 0n,
    }),
  (r) => snapshot("older than the commit index", ok, oldSnapshot(r)),
];

const ALL = [...VOTES, ...APPENDS, ...SNAPSHOTS];

/** A message of the Raft service with one thing wrong, or one that a correct server answers without doing anything. */
export function raftInput(random: Random): StreamInput {
  const make = ALL[random.below(ALL.length)];
  if (make === undefined) throw new Error("no such row");
  return make(random);
}

/** How many rows there are. */
export const RAFT_ROWS: number = ALL.length;
