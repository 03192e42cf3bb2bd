import type {
  AppendEntries,
  Configuration,
  Extension,
  InstallSnapshot,
  PreVote,
  PreVoteResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  RequestVote,
  Standing,
  TimeoutNow,
} from "@eraft/core";
import { type Body, append } from "./messages.ts";

const MAX = Number.MAX_SAFE_INTEGER;

const STANDINGS: readonly Standing[] = [
  "voter",
  "incoming",
  "outgoing",
  "demoted",
  "rejoining",
  "learner",
  "promotable",
];

/** Every standing, an address that nobody has told, a name that is not known, and the highest id there is. */
export const CONFIGURATION: Configuration = {
  members: [
    ...STANDINGS.map((standing, id) => {
      const address = id === 0 ? "" : `host-${id}.example:50${id}`;
      return { id, address, standing, incarnation: id % 2 === 0 ? null : `disk-${id}` };
    }),
    { id: MAX, address: "[2001:db8::1]:7", standing: "voter", incarnation: "x" },
  ],
};

export const PRE_VOTES: readonly Body<PreVote>[] = [
  { type: "preVote", term: 9, lastLogIndex: 17, lastLogTerm: 5 },
  // Of a server that has never heard of an election.
  { type: "preVote", term: 0, lastLogIndex: 0, lastLogTerm: 0 },
  { type: "preVote", term: MAX, lastLogIndex: MAX, lastLogTerm: MAX - 1 },
];

export const PRE_VOTE_ANSWERS: readonly Body<PreVoteResponse>[] = [
  { type: "preVoteResponse", term: 9, voteGranted: true },
  { type: "preVoteResponse", term: 9, voteGranted: false },
  { type: "preVoteResponse", term: MAX, voteGranted: false },
];

export const READ_INDEXES: readonly Body<ReadIndexRequest>[] = [
  { type: "readIndex", term: 9 },
  { type: "readIndex", term: MAX },
];

export const READ_INDEX_ANSWERS: readonly Body<ReadIndexResponse>[] = [
  { type: "readIndexResponse", term: 9, readIndex: 17 },
  { type: "readIndexResponse", term: 9, readIndex: 0 },
  { type: "readIndexResponse", term: 10, readIndex: -1 },
  { type: "readIndexResponse", term: MAX, readIndex: MAX },
];

export const TIMEOUTS: readonly Body<TimeoutNow>[] = [
  { type: "timeoutNow", term: 9 },
  { type: "timeoutNow", term: MAX },
];

export const TRANSFERRED_VOTE: Body<RequestVote> = {
  type: "requestVote",
  term: 9,
  lastLogIndex: 17,
  lastLogTerm: 5,
  leadershipTransfer: true,
};

/** An ordinary entry on either side of one that changes the members, and one that leaves none. */
export const CONFIGURATION_APPENDS: readonly Body<AppendEntries>[] = [
  withConfiguration(
    append({ term: 9, prevLogIndex: 17, prevLogTerm: 5, leaderCommit: 18 }, [5, 3], [7, 0], [9, 256]),
    CONFIGURATION,
  ),
  withConfiguration(
    append({ term: 9, prevLogIndex: 17, prevLogTerm: 5, leaderCommit: 17 }, [5, 3], [7, 0], [9, 2]),
    { members: [] },
  ),
];

/** The second entry becomes one with a configuration. */
function withConfiguration(body: Body<AppendEntries>, configuration: Configuration): Body<AppendEntries> {
  const entries = body.entries.map((entry, i) => (i === 1 ? { ...entry, configuration } : entry));
  return { ...body, entries };
}

/** An AppendEntries of which not even the first entry can go where configurations cannot. */
export const CONFIGURATION_FIRST: Body<AppendEntries> = {
  ...append({ term: 9, prevLogIndex: 17, prevLogTerm: 5, leaderCommit: 17 }, [7, 0], [9, 2]),
  entries: [
    { index: 18, term: 7, command: new Uint8Array(0), configuration: CONFIGURATION },
    { index: 19, term: 9, command: new Uint8Array(2) },
  ],
};

export const CONFIGURATION_HEADER: Body<InstallSnapshot> = {
  type: "installSnapshot",
  term: 9,
  lastIncludedIndex: 40,
  lastIncludedTerm: 5,
  configuration: CONFIGURATION,
};

/** One of each kind that only a transport with `extensions` carries. */
export const EXTENSIONS: readonly Body<Extension>[] = [
  ...PRE_VOTES,
  ...READ_INDEXES,
  ...TIMEOUTS,
  ...PRE_VOTE_ANSWERS,
  ...READ_INDEX_ANSWERS,
];
