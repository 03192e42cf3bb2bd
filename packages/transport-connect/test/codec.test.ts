import { create, toBinary } from "@bufbuild/protobuf";
import {
  AppendEntriesRequestSchema,
  AppendEntriesResponseSchema,
  InstallSnapshotResponseSchema,
  RequestVoteRequestSchema,
  RequestVoteResponseSchema,
} from "@eraft/proto/raftpb";
import { expect, test } from "vitest";
import {
  decodeAppendEntriesResponse,
  decodeInstallSnapshotResponse,
  decodeRequestVoteResponse,
} from "../src/codec/raftpb/decode-response.ts";
import {
  encodeAppendEntries,
  encodeInstallSnapshot,
  encodeRequestVote,
} from "../src/codec/raftpb/encode-request.ts";
import { encodeAppendEntriesResponse } from "../src/codec/raftpb/encode-response.ts";
import { fitEntries } from "../src/codec/sizes.ts";
import { agree, appendRequest, entriesAfter, snapshotHeader, voteRequest } from "./support.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** Fields apart for the reader. */
const packed = (fields: string) => fields.replaceAll(" ", "");

test("RequestVote on the wire, byte for byte; candidate 0 is absent", () => {
  const bytes = toBinary(RequestVoteRequestSchema, encodeRequestVote(voteRequest({ from: 0 })));
  expect(hex(bytes)).toBe(packed("0805 1809 2004"));
});

test("AppendEntries on the wire, byte for byte", () => {
  const message = appendRequest({ entries: [{ index: 10, term: 5, command: Uint8Array.of(7, 8) }] });
  const bytes = toBinary(AppendEntriesRequestSchema, encodeAppendEntries(message, 1));
  expect(hex(bytes)).toBe(packed("0805 1001 1809 2004 2809 3208 080a 1005 1a020708"));
});

test("leader_commit never exceeds what was really sent", () => {
  const message = appendRequest({ leaderCommit: 12, entries: entriesAfter(9, 3, 1) });
  expect(encodeAppendEntries(message, 3).leaderCommit).toBe(12n);
  expect(encodeAppendEntries(message, 1).leaderCommit).toBe(10n);
  expect(encodeAppendEntries({ ...message, leaderCommit: 99, entries: [] }, 0).leaderCommit).toBe(9n);
});

test("InstallSnapshot carries the whole data", () => {
  expect(encodeInstallSnapshot(snapshotHeader(), Uint8Array.of(1, 2))).toMatchObject({
    term: 5n,
    leaderId: 1n,
    lastIncludedIndex: 9n,
    lastIncludedTerm: 4n,
    data: Uint8Array.of(1, 2),
  });
});

test("the bound on the size is above the real size, and close to it for commands that matter", () => {
  const entries = entriesAfter(Number.MAX_SAFE_INTEGER - 20, 20, 1000, Number.MAX_SAFE_INTEGER);
  const { count, sizeBytes } = fitEntries(entries, 1e9);
  const message = appendRequest({
    term: Number.MAX_SAFE_INTEGER,
    prevLogIndex: Number.MAX_SAFE_INTEGER - 20,
    prevLogTerm: Number.MAX_SAFE_INTEGER,
    leaderCommit: Number.MAX_SAFE_INTEGER,
    entries,
  });
  const real = toBinary(AppendEntriesRequestSchema, encodeAppendEntries(message, count)).byteLength;
  expect(count).toBe(20);
  expect(sizeBytes).toBeGreaterThanOrEqual(real);
  expect(sizeBytes).toBeLessThan(real * 1.05);
});

test("only leading entries that fit are taken, none when the first does not", () => {
  const entries = entriesAfter(0, 3, 1000);
  const two = fitEntries(entries, 1e6).sizeBytes - 1;
  expect(fitEntries(entries, two).count).toBe(2);
  expect(fitEntries(entries, 500).count).toBe(0);
  expect(fitEntries([], 500).count).toBe(0);
});

const failure = (conflictIndex: number, conflictTerm: number) => ({
  ...agree(appendRequest()),
  type: "appendEntriesResponse" as const,
  success: false,
  matchIndex: 0,
  conflictIndex,
  conflictTerm,
});

test("conflict_term -1 is sent, as a varint of ten bytes", () => {
  const bytes = toBinary(
    AppendEntriesResponseSchema,
    encodeAppendEntriesResponse(failure(4, -1), appendRequest()),
  );
  expect(hex(bytes)).toBe(packed("0805 1804 20ffffffffffffffffff01"));
});

test("conflict_index is sent from 1 to one past what the request reached", () => {
  const request = appendRequest({ entries: entriesAfter(9, 2, 1) });
  const sent = (index: number) => encodeAppendEntriesResponse(failure(index, 3), request).conflictIndex;
  expect(sent(0)).toBe(1n);
  expect(sent(-1)).toBe(1n);
  expect(sent(7)).toBe(7n);
  expect(sent(12)).toBe(12n);
  expect(sent(13)).toBe(12n);
});

test("success is sent without conflict", () => {
  const response = { ...failure(4, 4), success: true, matchIndex: 9 };
  const bytes = toBinary(AppendEntriesResponseSchema, encodeAppendEntriesResponse(response, appendRequest()));
  expect(hex(bytes)).toBe(packed("0805 1001"));
});

const appendReply = (fields: object, sent = 0) =>
  decodeAppendEntriesResponse(
    create(AppendEntriesResponseSchema, { term: 5n, ...fields }),
    appendRequest({ entries: entriesAfter(9, 3, 1) }),
    sent,
  );

test("success means everything that was sent, with the request's sequence", () => {
  expect(appendReply({ success: true, conflictIndex: 3n }, 2)).toEqual({
    type: "appendEntriesResponse",
    from: 2,
    to: 1,
    term: 5,
    sequence: 72,
    success: true,
    matchIndex: 11,
    conflictIndex: 0,
    conflictTerm: 0,
  });
});

test("what Go nodes answer on failure is passed on as it is", () => {
  expect(appendReply({ term: 0n })).toMatchObject({
    term: 0,
    success: false,
    conflictIndex: 0,
    conflictTerm: 0,
  });
  expect(appendReply({ conflictIndex: -1n, conflictTerm: 2n })).toMatchObject({
    conflictIndex: -1,
    conflictTerm: 2,
  });
  expect(appendReply({ conflictIndex: 0n, conflictTerm: -1n })).toMatchObject({ conflictTerm: -1 });
  expect(appendReply({ term: 6n })).toMatchObject({ term: 6, success: false, matchIndex: 0 });
  expect(appendReply({ conflictIndex: 1000n })).toMatchObject({ conflictIndex: 1000 });
});

test.for([
  ["negative term", { term: -1n }],
  ["term above 2^53 - 1", { term: 2n ** 53n }],
  ["success in a higher term", { term: 6n, success: true }],
  ["success in a lower term", { term: 4n, success: true }],
  ["conflict_index above 2^53 - 1", { conflictIndex: 2n ** 60n }],
  ["conflict_term below -1", { conflictTerm: -2n }],
  ["conflict_term above 2^53 - 1", { conflictTerm: 2n ** 53n }],
] as const)("no correct follower answers with %s", ([, fields]) => {
  expect(appendReply(fields)).toEqual(expect.any(String));
});

const voteReply = (fields: object) =>
  decodeRequestVoteResponse(create(RequestVoteResponseSchema, { term: 5n, ...fields }), voteRequest());

test("votes: granted and refused", () => {
  expect(voteReply({ voteGranted: true })).toEqual({
    type: "requestVoteResponse",
    from: 2,
    to: 1,
    term: 5,
    sequence: 71,
    voteGranted: true,
  });
  expect(voteReply({ term: 8n })).toMatchObject({ term: 8, voteGranted: false });
  expect(voteReply({ term: -8n })).toEqual(expect.any(String));
  expect(voteReply({ term: 6n, voteGranted: true })).toEqual(expect.any(String));
  expect(voteReply({ term: 4n, voteGranted: true })).toEqual(expect.any(String));
});

const snapshotReply = (term: bigint) =>
  decodeInstallSnapshotResponse(create(InstallSnapshotResponseSchema, { term }), snapshotHeader());

test("an InstallSnapshot reply may have a lower term", () => {
  expect(snapshotReply(0n)).toEqual({
    type: "installSnapshotResponse",
    from: 2,
    to: 1,
    term: 0,
    sequence: 73,
  });
  expect(snapshotReply(9n)).toMatchObject({ term: 9 });
  expect(snapshotReply(-1n)).toEqual(expect.any(String));
});
