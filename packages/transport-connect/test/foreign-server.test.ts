import { afterEach, beforeEach, expect, test } from "vitest";
import type { Fields, ForeignServer } from "./foreign.ts";
import { startForeignServer } from "./foreign.ts";
import {
  appendRequest,
  chunksOf,
  entriesAfter,
  Inbox,
  PATIENT,
  snapshotHeader,
  startNode,
  voteRequest,
} from "./support.ts";
import type { TestNode, TestNodeOptions } from "./support.ts";

const MIB = 1024 * 1024;

let server: ForeignServer;
let requests: Inbox<Fields>;
let answer: (request: Fields) => Fields | Promise<Fields>;
let one: TestNode;

beforeEach(async () => {
  requests = new Inbox();
  const handle = (request: Fields) => {
    requests.push(request);
    return answer(request);
  };
  server = await startForeignServer({ RequestVote: handle, AppendEntries: handle, InstallSnapshot: handle });
  await restart({});
});

afterEach(async () => {
  await one.stop();
  server.stop();
});

async function restart(transport: NonNullable<TestNodeOptions["transport"]>, limits = {}) {
  await one?.stop();
  one = await startNode(1, { peers: new Map([[2, server.address]]), transport, limits });
}

const send = (data: Uint8Array) =>
  one.transport.sendSnapshot(snapshotHeader(), { size: data.byteLength, chunks: chunksOf(data) });

test("RequestVote", async () => {
  answer = () => ({ term: 5, vote_granted: true });
  one.transport.send(voteRequest());
  expect(await requests.next()).toEqual({
    term: "5",
    candidate_id: "1",
    last_log_index: "9",
    last_log_term: "4",
  });
  expect(await one.receiver.messages.next()).toMatchObject({ term: 5, voteGranted: true, sequence: 71 });
});

test("AppendEntries: the answer gets the match index that the wire does not have", async () => {
  answer = () => ({ term: 5, success: true });
  one.transport.send(appendRequest({ leaderCommit: 10, entries: entriesAfter(9, 2, 1) }));
  expect(await requests.next()).toEqual({
    term: "5",
    leader_id: "1",
    prev_log_index: "9",
    prev_log_term: "4",
    leader_commit: "10",
    entries: [
      { index: "10", term: "5", command: Buffer.from([1]) },
      { index: "11", term: "5", command: Buffer.from([2]) },
    ],
  });
  expect(await one.receiver.messages.next()).toMatchObject({ success: true, matchIndex: 11, sequence: 72 });
});

test("what Go followers answer: nothing at all, and a conflict before the log", async () => {
  answer = () => ({});
  one.transport.send(appendRequest());
  expect(await one.receiver.messages.next()).toMatchObject({ term: 0, success: false, conflictIndex: 0 });
  answer = () => ({ term: 5, conflict_index: -1, conflict_term: 3 });
  one.transport.send(appendRequest());
  expect(await one.receiver.messages.next()).toMatchObject({ conflictIndex: -1, conflictTerm: 3 });
  answer = () => ({ term: 5, conflict_index: 4, conflict_term: -1 });
  one.transport.send(appendRequest());
  expect(await one.receiver.messages.next()).toMatchObject({ conflictIndex: 4, conflictTerm: -1 });
});

test("a term above 2^53 - 1 is no answer", async () => {
  answer = () => ({ term: "9007199254740992" });
  one.transport.send(appendRequest());
  expect((await one.receiver.unreached.next()).error).toMatchObject({ code: "invalidReply" });
  expect(one.receiver.messages.all).toEqual([]);
});

test("InstallSnapshot of 3.9 MiB, answered with a lower term", async () => {
  answer = () => ({ term: 3 });
  const data = Buffer.alloc(3.9 * MIB, "snap");
  await send(data);
  const request = await requests.next();
  expect(request).toMatchObject({ last_included_index: "9", last_included_term: "4" });
  expect(Buffer.compare(request["data"] as Buffer, data)).toBe(0);
  expect(await one.receiver.messages.next()).toMatchObject({ type: "installSnapshotResponse", term: 3 });
});

test("a snapshot above the 4 MiB of a foreign peer fails with its words", async () => {
  answer = () => ({ term: 5 });
  await expect(send(Buffer.alloc(5 * MIB))).rejects.toMatchObject({ code: "busy", message: /larger/ });
});

test("entries of 3.9 MiB arrive in one message", async () => {
  answer = () => ({ term: 5, success: true });
  one.transport.send(appendRequest({ entries: entriesAfter(9, 39, MIB / 10) }));
  expect((await requests.next())["entries"]).toHaveLength(39);
  expect(await one.receiver.messages.next()).toMatchObject({ matchIndex: 48 });
});

test("entries of 6 MiB arrive as far as 4 MiB go", async () => {
  answer = () => ({ term: 5, success: true });
  one.transport.send(appendRequest({ leaderCommit: 15, entries: entriesAfter(9, 6, MIB) }));
  const request = await requests.next();
  expect(request["entries"]).toHaveLength(3);
  expect(request["leader_commit"]).toBe("12");
  expect(await one.receiver.messages.next()).toMatchObject({ matchIndex: 12 });
});

test("the largest entry that our bound lets pass is one that gRPC's default accepts", async () => {
  answer = () => ({ term: 5, success: true });
  // 4 MiB less 1 KiB, less the bounds for what surrounds the command.
  const largest = 4 * MIB - 1024 - 64 - 32;
  one.transport.send(appendRequest({ entries: entriesAfter(9, 1, largest + 1) }));
  expect((await one.receiver.unreached.next()).error).toMatchObject({ code: "tooLarge" });
  one.transport.send(appendRequest({ entries: entriesAfter(9, 1, largest) }));
  expect(await one.receiver.messages.next()).toMatchObject({ matchIndex: 10 });
});

test("a server that never answers is a timeout", async () => {
  const { promise, resolve } = Promise.withResolvers<Fields>();
  answer = () => promise;
  await restart({ deadlines: { ...PATIENT, appendEntriesMs: 100 } });
  one.transport.send(appendRequest());
  expect((await one.receiver.unreached.next()).error).toMatchObject({
    code: "timeout",
    message: `${server.address}: no answer within 100 ms`,
  });
  resolve({});
});

test("a server that dies in the middle of a call is unreachable", async () => {
  answer = () => new Promise(() => {});
  one.transport.send(appendRequest());
  await requests.next();
  server.stop();
  expect((await one.receiver.unreached.next()).error).toMatchObject({ code: "unreachable" });
});
