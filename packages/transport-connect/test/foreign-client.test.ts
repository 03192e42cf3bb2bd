import { once } from "node:events";
import * as http2 from "node:http2";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ENGINES } from "./engines.ts";
import { ForeignClient } from "./foreign.ts";
import { agree, isRequest, startNode } from "./support.ts";
import type { TestNode } from "./support.ts";

async function codeOf(call: Promise<unknown>): Promise<grpc.status> {
  return call.then(
    () => grpc.status.OK,
    (error: grpc.ServiceError) => error.code,
  );
}

describe.each(ENGINES)("with the HTTP/2 of $engine", ({ engine }) => {
  const MIB = 1024 * 1024;
  const READ_MAX_BYTES = 8 * MIB;

  let two: TestNode;
  let client: ForeignClient;

  beforeAll(async () => {
    const peers = new Map([0, 1].map((id) => [id, `127.0.0.1:${id + 1}`]));
    two = await startNode(2, { engine, peers, limits: { readMaxBytes: READ_MAX_BYTES } });
    client = new ForeignClient(two.address);
  });

  beforeEach(() => {
    const { receiver, transport } = two;
    receiver.onMessage = (message) => {
      if (isRequest(message)) transport.send(agree(message));
    };
    receiver.onSnapshot = (header) => transport.send(agree(header));
  });

  afterAll(async () => {
    client.close();
    await two.stop();
  });

  const APPEND = { term: 5, leader_id: 1, prev_log_index: 9, prev_log_term: 4, leader_commit: 9 };

  /** What the receiver got since `count` messages were there. */
  const received = () => two.receiver.messages.all.length + two.receiver.snapshots.all.length;

  test("RequestVote from candidate 0", async () => {
    const reply = await client.call("RequestVote", {
      term: 5,
      candidate_id: 0,
      last_log_index: 9,
      last_log_term: 4,
    });
    expect(reply).toEqual({ term: "5", vote_granted: true });
    expect(two.receiver.messages.all.at(-1)).toMatchObject({ type: "requestVote", from: 0, lastLogIndex: 9 });
  });

  test("AppendEntries with entries", async () => {
    const entries = [10, 11].map((index) => ({ index, term: 5, command: Buffer.from([index]) }));
    const reply = await client.call("AppendEntries", { ...APPEND, leader_commit: 11, entries });
    expect(reply).toEqual({ term: "5", success: true, conflict_index: "0", conflict_term: "0" });
    expect(two.receiver.messages.all.at(-1)).toMatchObject({
      leaderCommit: 11,
      entries: [
        { index: 10, term: 5, command: Uint8Array.of(10) },
        { index: 11, term: 5, command: Uint8Array.of(11) },
      ],
    });
  });

  test("a conflict with term -1, and one beyond the request, which is clamped", async () => {
    two.receiver.onMessage = (message) => {
      if (!isRequest(message)) return;
      const failure = { success: false, matchIndex: 0, conflictIndex: 99, conflictTerm: -1 };
      two.transport.send({ ...agree(message), ...failure });
    };
    const reply = await client.call("AppendEntries", APPEND);
    expect(reply).toEqual({ term: "5", success: false, conflict_index: "10", conflict_term: "-1" });
    const bytes = await client.callBytes(
      "/raftpb.RaftService/AppendEntries",
      Buffer.from("0805100118092004", "hex"),
    );
    expect(bytes.toString("hex")).toBe("0805180a20ffffffffffffffffff01");
  });

  test("InstallSnapshot, and the empty one of index 0", async () => {
    const data = Buffer.from("state");
    const reply = await client.call("InstallSnapshot", {
      term: 5,
      leader_id: 1,
      last_included_index: 9,
      last_included_term: 4,
      data,
    });
    expect(reply).toEqual({ term: "5" });
    expect(two.receiver.snapshots.all.at(-1)?.data.toString()).toBe("state");
    expect(await client.call("InstallSnapshot", { term: 5, leader_id: 1 })).toEqual({ term: "5" });
    expect(two.receiver.snapshots.all.at(-1)?.header).toMatchObject({
      lastIncludedIndex: 0,
      lastIncludedTerm: 0,
    });
  });

  test("messages above 4 MiB are accepted, as a Go leader sends its whole tail", async () => {
    const entries = [{ index: 10, term: 5, command: Buffer.alloc(6 * MIB, 7) }];
    expect(await client.call("AppendEntries", { ...APPEND, entries })).toMatchObject({ success: true });
    const message = two.receiver.messages.all.at(-1);
    expect(message?.type === "appendEntries" && message.entries[0]?.command.byteLength).toBe(6 * MIB);
  });

  test("above the limit the answer is RESOURCE_EXHAUSTED, and nothing is received", async () => {
    const before = received();
    const entries = [{ index: 10, term: 5, command: Buffer.alloc(READ_MAX_BYTES) }];
    expect(await codeOf(client.call("AppendEntries", { ...APPEND, entries }))).toBe(
      grpc.status.RESOURCE_EXHAUSTED,
    );
    expect(received()).toBe(before);
  });

  test("a server that never answers: DEADLINE_EXCEEDED after the caller's 100 ms", async () => {
    two.receiver.onMessage = () => {};
    const call = client.call("AppendEntries", APPEND, { deadline: Date.now() + 100 });
    expect(await codeOf(call)).toBe(grpc.status.DEADLINE_EXCEEDED);
  });

  test.for([
    ["not protobuf", Buffer.from("0805ffffffff", "hex")],
    ["cut off in the middle of an entry", Buffer.from("08051001320f080a", "hex")],
    ["a field of the wrong kind", Buffer.from("0a0105", "hex")],
  ] as const)("%s: INVALID_ARGUMENT", async ([, bytes]) => {
    const before = received();
    const call = client.callBytes("/raftpb.RaftService/AppendEntries", bytes);
    expect(await codeOf(call)).toBe(grpc.status.INVALID_ARGUMENT);
    expect(received()).toBe(before);
  });

  test.for([
    ["term 0", { ...APPEND, term: 0 }, grpc.status.INVALID_ARGUMENT],
    ["a stranger", { ...APPEND, leader_id: 7 }, grpc.status.PERMISSION_DENIED],
    ["this server itself", { ...APPEND, leader_id: 2 }, grpc.status.PERMISSION_DENIED],
  ] as const)("a request of %s is refused, and nothing is received", async ([, request, code]) => {
    const before = received();
    expect(await codeOf(client.call("AppendEntries", request))).toBe(code);
    expect(received()).toBe(before);
  });

  test("a refusal of the core is FAILED_PRECONDITION", async () => {
    two.receiver.onMessage = ({ from, to, sequence }) =>
      two.transport.send({ type: "refusal", from: to, to: from, term: 1, sequence, reason: "twoLeaders" });
    await expect(client.call("AppendEntries", APPEND)).rejects.toMatchObject({
      code: grpc.status.FAILED_PRECONDITION,
      details: "term 5 already has another leader than server 1",
    });
  });

  test("compression is unknown here", async () => {
    // By hand: grpc-js chooses this header itself.
    const session = http2.connect(`http://${two.address}`);
    const stream = session.request({
      ":method": "POST",
      ":path": "/raftpb.RaftService/RequestVote",
      "content-type": "application/grpc",
      "grpc-encoding": "gzip",
    });
    stream.end(Buffer.from("00000000020805", "hex"));
    stream.resume();
    const [trailers] = (await once(stream, "trailers")) as [http2.IncomingHttpHeaders];
    expect(trailers["grpc-status"]).toBe(String(grpc.status.UNIMPLEMENTED));
    session.close();
  });

  test.for(["/raftpb.RaftService/TimeoutNow", "/raftpb.OtherService/RequestVote"])(
    "an unknown method, %s, is UNIMPLEMENTED",
    async (path) => {
      await expect(client.callBytes(path, Buffer.alloc(0))).rejects.toMatchObject({
        code: grpc.status.UNIMPLEMENTED,
        details: "unknown method",
      });
    },
  );
});
