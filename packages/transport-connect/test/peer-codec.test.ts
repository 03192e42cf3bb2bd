import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Configuration, Entry, InstallSnapshot, Standing } from "@eraft/core";
import { RequestSchema, ResponseSchema, SnapshotHeaderSchema } from "@eraft/proto/eraft/peer/v1";
import type { Request, Response } from "@eraft/proto/eraft/peer/v1";
import { expect, test } from "vitest";
import { decodeConfiguration, encodeConfiguration } from "../src/codec/configuration.ts";
import { decodeStreamRequest } from "../src/codec/peer/decode-request.ts";
import { decodeStreamResponse } from "../src/codec/peer/decode-response.ts";
import { encodeStreamRequest } from "../src/codec/peer/encode-request.ts";
import type { StreamRequest } from "../src/codec/peer/encode-request.ts";
import { encodeStreamResponse } from "../src/codec/peer/encode-response.ts";
import type { StreamResponse } from "../src/codec/peer/encode-response.ts";
import { decodeSnapshotHeader, encodeSnapshotHeader } from "../src/codec/peer/snapshot-header.ts";
import { fitEntries } from "../src/codec/sizes.ts";
import { appendRequest, snapshotHeader, voteRequest } from "./support.ts";

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
const CONFIGURATION: Configuration = {
  members: STANDINGS.map((standing, id) => {
    return { id, address: `host-${id}:1`, standing, incarnation: id % 2 === 0 ? null : `disk-${id}` };
  }),
};

function overTheWire(message: StreamRequest): StreamRequest | string {
  const count = message.type === "appendEntries" ? message.entries.length : 0;
  const bytes = toBinary(RequestSchema, encodeStreamRequest(message, count));
  return decodeStreamRequest(fromBinary(RequestSchema, bytes), message.from, message.to);
}

const command = Uint8Array.of(1, 2, 3);
const entries: readonly Entry[] = [
  { index: 10, term: 4, command },
  { index: 11, term: 5, command: new Uint8Array(0) },
  { index: 12, term: 5, command: new Uint8Array(0), configuration: CONFIGURATION },
  { index: 13, term: 7, command },
];
const envelope = { from: 1, to: 2, term: 7, sequence: 2 ** 52 - 1 } as const;

const requests: readonly StreamRequest[] = [
  voteRequest(),
  voteRequest({ leadershipTransfer: true }),
  voteRequest({ term: MAX, lastLogIndex: MAX, lastLogTerm: MAX }),
  voteRequest({ lastLogIndex: 0, lastLogTerm: 0 }),
  appendRequest(),
  appendRequest({ term: 7, entries, leaderCommit: 13 }),
  appendRequest({ term: 1, prevLogIndex: 0, prevLogTerm: 0, leaderCommit: 0 }),
  { type: "preVote", ...envelope, lastLogIndex: 9, lastLogTerm: 4 },
  { type: "preVote", ...envelope, term: 0, lastLogIndex: 0, lastLogTerm: 0 },
  { type: "timeoutNow", ...envelope },
  { type: "readIndex", ...envelope, sequence: 0 },
];

test.for(requests.map((request) => [request] as const))("%j arrives as it was sent", ([request]) => {
  expect(overTheWire(request)).toEqual(request);
});

/** On the wire, with one entry of this term. */
function sizeWithEntryOf(term: number): number {
  const request = appendRequest({ term: 7, entries: [{ index: 10, term, command }] });
  return toBinary(RequestSchema, encodeStreamRequest(request, 1)).length;
}

test("nearly every entry is of the request's term, and that costs nothing", () => {
  expect(sizeWithEntryOf(7)).toBeLessThan(sizeWithEntryOf(6));
});

test("a message that was cut commits no more than it verifies", () => {
  const wire = encodeStreamRequest(appendRequest({ term: 7, entries, leaderCommit: 13 }), 2);
  expect(decodeStreamRequest(wire, 1, 2)).toMatchObject({ leaderCommit: 11, entries: entries.slice(0, 2) });
});

test("a size that is reckoned is never below the real one", () => {
  const message = appendRequest({ term: 7, entries, leaderCommit: 13 });
  const { sizeBytes } = fitEntries(entries, Number.POSITIVE_INFINITY);
  expect(toBinary(RequestSchema, encodeStreamRequest(message, 4)).length).toBeLessThanOrEqual(sizeBytes);
  const umlauts = {
    members: [{ id: MAX, address: "ü€".repeat(99), standing: "voter", incarnation: "€" }],
  } as const;
  const entry = { index: MAX, term: MAX, command: new Uint8Array(0), configuration: umlauts };
  const one = appendRequest({ term: MAX, prevLogIndex: MAX - 1, prevLogTerm: MAX, entries: [entry] });
  const reckoned = fitEntries([entry], Number.POSITIVE_INFINITY).sizeBytes;
  expect(toBinary(RequestSchema, encodeStreamRequest(one, 1)).length).toBeLessThanOrEqual(reckoned);
});

/** A valid request with something in it that no correct server sends. */
function spoilt(message: StreamRequest, spoil: (wire: Request) => void): Request {
  const wire = encodeStreamRequest(message, message.type === "appendEntries" ? message.entries.length : 0);
  spoil(wire);
  return wire;
}

function appendOf(wire: Request) {
  if (wire.body.case !== "appendEntries") throw new Error("an append");
  return wire.body.value;
}

function entryOf(wire: Request, at: number) {
  const entry = appendOf(wire).entries[at];
  if (entry === undefined) throw new Error("an entry");
  return entry;
}

const withEntries = appendRequest({ term: 7, entries, leaderCommit: 13 });
const preVote = { type: "preVote", ...envelope, lastLogIndex: 9, lastLogTerm: 4 } as const;
const invalidRequests: readonly [text: RegExp, Request][] = [
  [/sequence must be below 2\^52/, spoilt(voteRequest(), (wire) => (wire.sequence = 2n ** 52n))],
  [/sequence must be/, spoilt(voteRequest(), (wire) => (wire.sequence = 2n ** 60n))],
  [/^term must be from 1/, spoilt(voteRequest(), (wire) => (wire.term = 0n))],
  [/last_log_term 4 is above/, spoilt(voteRequest(), (wire) => (wire.term = 3n))],
  [/last_log_term 4 is above/, spoilt(preVote, (wire) => (wire.term = 3n))],
  [/last_log_index/, spoilt(voteRequest({ lastLogIndex: 0, lastLogTerm: 4 }), () => {})],
  [/prev_log_term must not be 0/, spoilt(appendRequest({ prevLogTerm: 0 }), () => {})],
  [/prev_log_index/, spoilt(appendRequest(), (wire) => (appendOf(wire).prevLogIndex = 2n ** 53n))],
  [/leader_commit 14 is above 13/, spoilt(withEntries, (wire) => (appendOf(wire).leaderCommit = 14n))],
  [/last entry/, spoilt(withEntries, (wire) => (appendOf(wire).prevLogIndex = BigInt(MAX) - 3n))],
  [/term 3 of entry 10 is below the 4/, spoilt(withEntries, (wire) => (entryOf(wire, 0).term = 3n))],
  [/term 4 of entry 12 is below the 5/, spoilt(withEntries, (wire) => (entryOf(wire, 2).term = 4n))],
  [/term 8 of entry 11 is above/, spoilt(withEntries, (wire) => (entryOf(wire, 1).term = 8n))],
  [/term of entry 11 must be/, spoilt(withEntries, (wire) => (entryOf(wire, 1).term = 2n ** 53n))],
  [/entry 12 has both/, spoilt(withEntries, (wire) => (entryOf(wire, 2).command = command))],
  [
    /entry 12: member 0 has a standing that is unknown here/,
    spoilt(withEntries, (wire) => {
      const member = entryOf(wire, 2).configuration?.members[0];
      if (member !== undefined) member.standing = 99 as typeof member.standing;
    }),
  ],
  [/kind that is unknown/, spoilt(voteRequest(), (wire) => (wire.body = { case: undefined }))],
];

test.for(invalidRequests)("a request that cannot be: %s", ([text, wire]) => {
  expect(decodeStreamRequest(wire, 1, 2)).toMatch(text);
});

const back = { from: 2, to: 1, term: 7, sequence: 5 } as const;
const responses: readonly StreamResponse[] = [
  { type: "requestVoteResponse", ...back, voteGranted: true },
  { type: "requestVoteResponse", ...back, term: 0, voteGranted: false },
  { type: "preVoteResponse", ...back, voteGranted: true },
  {
    type: "appendEntriesResponse",
    ...back,
    success: true,
    matchIndex: MAX,
    conflictIndex: 0,
    conflictTerm: 0,
  },
  {
    type: "appendEntriesResponse",
    ...back,
    success: false,
    matchIndex: 0,
    conflictIndex: 3,
    conflictTerm: -1,
  },
  { type: "readIndexResponse", ...back, readIndex: -1 },
  { type: "readIndexResponse", ...back, readIndex: MAX },
  { type: "installSnapshotResponse", ...back },
  { type: "refusal", ...back, reason: "termLeap" },
  { type: "refusal", ...back, reason: "twoLeaders" },
  { type: "refusal", ...back, reason: "malformed" },
];

test.for(responses.map((response) => [response] as const))("%j arrives as it was sent", ([response]) => {
  const bytes = toBinary(ResponseSchema, encodeStreamResponse(response));
  expect(decodeStreamResponse(fromBinary(ResponseSchema, bytes), 2, 1)).toEqual(response);
});

const wireResponse = (fields: Partial<Response>): Response => ({
  $typeName: "eraft.peer.v1.Response",
  sequence: 1n,
  term: 1n,
  body: { case: "snapshot", value: { $typeName: "eraft.peer.v1.SnapshotResponse" } },
  ...fields,
});
const appendAnswer = (fields: object) =>
  wireResponse({
    body: {
      case: "appendEntries",
      value: {
        $typeName: "eraft.peer.v1.AppendEntriesResponse",
        success: false,
        matchIndex: 0n,
        conflictIndex: 0n,
        conflictTerm: 0n,
        ...fields,
      },
    },
  });

const invalidResponses: readonly [text: RegExp, Response][] = [
  [/sequence/, wireResponse({ sequence: 2n ** 52n })],
  [/term/, wireResponse({ term: 2n ** 53n })],
  [/match_index/, appendAnswer({ matchIndex: 2n ** 53n })],
  [/conflict_index/, appendAnswer({ conflictIndex: 2n ** 53n })],
  [/conflict_term/, appendAnswer({ conflictTerm: -2n })],
  [
    /read_index/,
    wireResponse({
      body: { case: "readIndex", value: { $typeName: "eraft.peer.v1.ReadIndexResponse", readIndex: -2n } },
    }),
  ],
  [
    /reason that is unknown/,
    wireResponse({ body: { case: "refusal", value: { $typeName: "eraft.peer.v1.Refusal", reason: 0 } } }),
  ],
  [/kind that is unknown/, wireResponse({ body: { case: undefined } })],
];

test.for(invalidResponses)("an answer that cannot be: %s", ([text, wire]) => {
  expect(decodeStreamResponse(wire, 2, 1)).toMatch(text);
});

test.for([
  [snapshotHeader()],
  [snapshotHeader({ configuration: CONFIGURATION })],
  [snapshotHeader({ configuration: { members: [] } })],
] as [InstallSnapshot][])("a header, %j, arrives as it was sent", ([header]) => {
  const transfer = { header, transfer: 3, sizeBytes: MAX, resumableFrom: 17 };
  const bytes = toBinary(SnapshotHeaderSchema, encodeSnapshotHeader(transfer));
  expect(decodeSnapshotHeader(fromBinary(SnapshotHeaderSchema, bytes), 1, 2)).toEqual(transfer);
});

test.for([
  [/term must/, { term: 0n }],
  [/last_included_index/, { lastIncludedIndex: 0n }],
  [/last_included_term/, { lastIncludedTerm: 0n }],
  [/last_included_term 4 is above/, { term: 3n }],
  [/size_bytes/, { sizeBytes: 2n ** 53n }],
  [/resumable_from/, { resumableFrom: 2n ** 53n }],
  [/transfer/, { transfer: 2n ** 53n }],
  [/sequence/, { sequence: 2n ** 52n }],
] as [RegExp, object][])("a header that cannot be: %s", ([text, fields]) => {
  const wire = encodeSnapshotHeader({
    header: snapshotHeader(),
    transfer: 1,
    sizeBytes: 1,
    resumableFrom: 0,
  });
  expect(decodeSnapshotHeader({ ...wire, ...fields }, 1, 2)).toMatch(text);
});

test("members are in order, each once", () => {
  const [first, second] = encodeConfiguration(CONFIGURATION).members;
  if (first === undefined || second === undefined) throw new Error("two members");
  const of = (...members: (typeof first)[]) =>
    decodeConfiguration({ $typeName: "eraft.cluster.v1.Configuration", members });
  expect(of(second, first)).toBe("member 0 after member 1");
  expect(of(first, first)).toBe("member 0 after member 0");
  expect(of({ ...first, id: -1n })).toMatch(/id of a member/);
});
