import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  AppendEntriesRequestSchema,
  EntrySchema,
  InstallSnapshotRequestSchema,
  RequestVoteRequestSchema,
} from "@eraft/proto/raftpb";
import { expect, test } from "vitest";
import {
  decodeAppendEntries,
  decodeInstallSnapshot,
  decodeRequestVote,
} from "../src/codec/raftpb/decode-request.ts";
import { OwnBytes } from "../src/codec/own-bytes.ts";

const members = { self: 2, isPeer: (id: number) => id === 0 || id === 1 };
const ABOVE = 2n ** 53n;
const LAST = 2n ** 53n - 1n;

const vote = (fields: object) =>
  decodeRequestVote(
    create(RequestVoteRequestSchema, {
      term: 5n,
      candidateId: 1n,
      lastLogIndex: 9n,
      lastLogTerm: 4n,
      ...fields,
    }),
    members,
    7,
  );

const append = (fields: object, entries: [index: bigint, term: bigint][] = []) =>
  decodeAppendEntries(
    create(AppendEntriesRequestSchema, {
      term: 5n,
      leaderId: 1n,
      prevLogIndex: 9n,
      prevLogTerm: 4n,
      leaderCommit: 9n,
      entries: entries.map(([index, term]) => create(EntrySchema, { index, term })),
      ...fields,
    }),
    members,
    7,
  );

const snapshot = (fields: object) =>
  decodeInstallSnapshot(
    create(InstallSnapshotRequestSchema, {
      term: 5n,
      leaderId: 1n,
      lastIncludedIndex: 9n,
      lastIncludedTerm: 4n,
      ...fields,
    }),
    members,
    7,
  );

const refused: [why: string, code: Code, text: RegExp, decode: () => unknown][] = [
  ["term 0", Code.InvalidArgument, /term/, () => vote({ term: 0n })],
  ["negative term", Code.InvalidArgument, /term/, () => vote({ term: -1n })],
  ["term above 2^53 - 1", Code.InvalidArgument, /term/, () => vote({ term: ABOVE })],
  ["the largest int64 as term", Code.InvalidArgument, /term/, () => vote({ term: 2n ** 63n - 1n })],
  ["candidate_id below 0", Code.InvalidArgument, /candidate_id/, () => vote({ candidateId: -1n })],
  ["candidate_id above 2^53 - 1", Code.InvalidArgument, /candidate_id/, () => vote({ candidateId: ABOVE })],
  ["candidate not in the cluster", Code.PermissionDenied, /not in this/, () => vote({ candidateId: 3n })],
  ["candidate is this server", Code.PermissionDenied, /itself/, () => vote({ candidateId: 2n })],
  ["negative last_log_index", Code.InvalidArgument, /last_log_index/, () => vote({ lastLogIndex: -1n })],
  ["last_log_index too high", Code.InvalidArgument, /last_log_index/, () => vote({ lastLogIndex: ABOVE })],
  ["negative last_log_term", Code.InvalidArgument, /last_log_term/, () => vote({ lastLogTerm: -1n })],
  ["last_log_term too high", Code.InvalidArgument, /last_log_term/, () => vote({ lastLogTerm: ABOVE })],
  ["an empty log with a term", Code.InvalidArgument, /last_log_term/, () => vote({ lastLogIndex: 0n })],
  ["a log without a term", Code.InvalidArgument, /last_log_term/, () => vote({ lastLogTerm: 0n })],
  ["last_log_term above term", Code.InvalidArgument, /above/, () => vote({ lastLogTerm: 6n })],

  ["append: term 0", Code.InvalidArgument, /term/, () => append({ term: 0n })],
  ["append: term above 2^53 - 1", Code.InvalidArgument, /term/, () => append({ term: ABOVE })],
  ["append: negative leader_id", Code.InvalidArgument, /leader_id/, () => append({ leaderId: -1n })],
  ["append: leader not in the cluster", Code.PermissionDenied, /not in/, () => append({ leaderId: 9n })],
  ["append: leader is this server", Code.PermissionDenied, /itself/, () => append({ leaderId: 2n })],
  ["negative prev_log_index", Code.InvalidArgument, /prev_log_index/, () => append({ prevLogIndex: -1n })],
  ["prev_log_index too high", Code.InvalidArgument, /prev_log_index/, () => append({ prevLogIndex: ABOVE })],
  ["negative prev_log_term", Code.InvalidArgument, /prev_log_term/, () => append({ prevLogTerm: -1n })],
  ["prev_log_index 0 with a term", Code.InvalidArgument, /prev_log_term/, () => append({ prevLogIndex: 0n })],
  ["prev_log_index without a term", Code.InvalidArgument, /prev_log_/, () => append({ prevLogTerm: 0n })],
  ["prev_log_term above term", Code.InvalidArgument, /above/, () => append({ prevLogTerm: 6n })],
  ["negative leader_commit", Code.InvalidArgument, /leader_commit/, () => append({ leaderCommit: -1n })],
  ["leader_commit too high", Code.InvalidArgument, /leader_commit/, () => append({ leaderCommit: ABOVE })],
  ["first entry is not prev + 1", Code.InvalidArgument, /index 11/, () => append({}, [[11n, 5n]])],
  ["first entry is prev itself", Code.InvalidArgument, /index 9/, () => append({}, [[9n, 5n]])],
  [
    "gap",
    Code.InvalidArgument,
    /index 12/,
    () =>
      append({}, [
        [10n, 5n],
        [12n, 5n],
      ]),
  ],
  [
    "duplicate",
    Code.InvalidArgument,
    /index 10/,
    () =>
      append({}, [
        [10n, 5n],
        [10n, 5n],
      ]),
  ],
  ["entry index negative", Code.InvalidArgument, /index -1/, () => append({}, [[-1n, 5n]])],
  ["entry term below prev_log_term", Code.InvalidArgument, /below/, () => append({}, [[10n, 3n]])],
  [
    "entry terms decrease",
    Code.InvalidArgument,
    /below/,
    () =>
      append({}, [
        [10n, 5n],
        [11n, 4n],
      ]),
  ],
  ["entry term 0", Code.InvalidArgument, /entry 10/, () => append({}, [[10n, 0n]])],
  ["entry term negative", Code.InvalidArgument, /entry 10/, () => append({}, [[10n, -4n]])],
  ["entry term too high", Code.InvalidArgument, /entry 10/, () => append({}, [[10n, ABOVE]])],
  ["entry term above the request's", Code.InvalidArgument, /above/, () => append({}, [[10n, 6n]])],
  [
    "entries beyond 2^53 - 1",
    Code.InvalidArgument,
    /index/,
    () => append({ prevLogIndex: LAST }, [[LAST + 1n, 5n]]),
  ],

  ["snapshot: term 0", Code.InvalidArgument, /term/, () => snapshot({ term: 0n })],
  ["snapshot: negative leader_id", Code.InvalidArgument, /leader_id/, () => snapshot({ leaderId: -5n })],
  ["snapshot: leader not in the cluster", Code.PermissionDenied, /not in/, () => snapshot({ leaderId: 7n })],
  ["snapshot: leader is this server", Code.PermissionDenied, /itself/, () => snapshot({ leaderId: 2n })],
  ["snapshot: negative index", Code.InvalidArgument, /_index/, () => snapshot({ lastIncludedIndex: -1n })],
  ["snapshot: index too high", Code.InvalidArgument, /_index/, () => snapshot({ lastIncludedIndex: ABOVE })],
  ["snapshot: index without a term", Code.InvalidArgument, /_term/, () => snapshot({ lastIncludedTerm: 0n })],
  ["snapshot: negative term", Code.InvalidArgument, /_term/, () => snapshot({ lastIncludedTerm: -1n })],
  [
    "snapshot: term above the request's",
    Code.InvalidArgument,
    /above/,
    () => snapshot({ lastIncludedTerm: 6n }),
  ],
];

test.for(refused)("refused: %s", ([, code, text, decode]) => {
  const error = decode();
  expect(error).toBeInstanceOf(ConnectError);
  expect((error as ConnectError).code).toBe(code);
  expect((error as ConnectError).message).toMatch(text);
});

test("a valid RequestVote becomes a message with this server's sequence", () => {
  expect(vote({})).toEqual({
    type: "requestVote",
    from: 1,
    to: 2,
    term: 5,
    sequence: 7,
    lastLogIndex: 9,
    lastLogTerm: 4,
  });
});

test("server 0 and an empty log, all absent on the wire, are valid", () => {
  const bytes = toBinary(RequestVoteRequestSchema, create(RequestVoteRequestSchema, { term: 1n }));
  expect([...bytes]).toEqual([8, 1]);
  const message = decodeRequestVote(fromBinary(RequestVoteRequestSchema, bytes), members, 1);
  expect(message).toMatchObject({ from: 0, lastLogIndex: 0, lastLogTerm: 0 });
});

test("a lower term is a matter for the core, not for validation", () => {
  expect(append({ term: 4n })).toMatchObject({ type: "appendEntries", term: 4 });
});

test("the largest safe integers are valid", () => {
  expect(append({ term: LAST, prevLogIndex: LAST, prevLogTerm: LAST })).toMatchObject({
    prevLogIndex: Number.MAX_SAFE_INTEGER,
  });
});

test("leader_commit beyond what the message verifies is capped", () => {
  expect(append({ leaderCommit: 100n })).toMatchObject({ leaderCommit: 9 });
  expect(
    append({ leaderCommit: 100n }, [
      [10n, 4n],
      [11n, 5n],
    ]),
  ).toMatchObject({ leaderCommit: 11 });
  expect(
    append({ leaderCommit: 10n }, [
      [10n, 4n],
      [11n, 5n],
    ]),
  ).toMatchObject({ leaderCommit: 10 });
});

test("the empty snapshot of index 0 is valid", () => {
  expect(snapshot({ lastIncludedIndex: 0n, lastIncludedTerm: 0n })).toMatchObject({
    type: "installSnapshot",
    lastIncludedIndex: 0,
    lastIncludedTerm: 0,
  });
});

test("a command does not keep its message in memory, unless it is most of it", () => {
  const sizes = [100, 5000, 30_000];
  const wire = create(AppendEntriesRequestSchema, {
    term: 5n,
    leaderId: 1n,
    entries: sizes.map((size, i) =>
      create(EntrySchema, { index: BigInt(i + 1), term: 5n, command: new Uint8Array(size).fill(i) }),
    ),
  });
  const bytes = toBinary(AppendEntriesRequestSchema, wire);
  const message = decodeAppendEntries(fromBinary(AppendEntriesRequestSchema, bytes), members, 1);
  if (message instanceof ConnectError) throw message;
  const commands = message.entries.map(({ command }) => command);
  expect(commands.map((command) => command.length)).toEqual(sizes);
  for (const [i, command] of commands.entries()) expect(command.every((byte) => byte === i)).toBe(true);
  expect(commands.map(({ buffer }) => buffer.byteLength)).toEqual([100, 5000, bytes.buffer.byteLength]);
});

test("small commands share memory, none of them more than 16 KiB of it", () => {
  const message = new Uint8Array(1_000_000);
  const entries = Array.from({ length: 1000 }, (_, i) => ({
    command: message.subarray(i * 100, i * 100 + 90),
  }));
  for (const [i, { command }] of entries.entries()) command.fill(i);
  const bytes = new OwnBytes(entries);
  const owned = entries.map(({ command }) => bytes.own(command));
  expect(owned).toEqual(entries.map(({ command }) => command));
  const buffers = [...new Set(owned.map(({ buffer }) => buffer))];
  expect(Math.max(...buffers.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(16_384);
  // What is left over of each, because the next one did not fit, is less than one.
  const total = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(total).toBeLessThan(90 * (entries.length + buffers.length));
});
