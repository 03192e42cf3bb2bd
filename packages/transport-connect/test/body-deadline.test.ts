import { once } from "node:events";
import * as http2 from "node:http2";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ENGINES } from "./engines.ts";
import { PATIENT, startNode } from "./support.ts";
import type { TestNode } from "./support.ts";

async function responseTo(stream: http2.ClientHttp2Stream): Promise<http2.IncomingHttpHeaders> {
  const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
  return headers;
}

describe.each(ENGINES)("with the HTTP/2 of $engine", ({ engine }) => {
  const TIMEOUT_MS = 60;

  let node: TestNode;
  let session: http2.ClientHttp2Session;

  beforeEach(async () => {
    node = await startNode(2, {
      engine,
      peers: new Map([[1, "127.0.0.1:1"]]),
      serverLimits: { requestTimeoutMs: TIMEOUT_MS, closeGraceMs: 1 },
      transport: { deadlines: PATIENT },
    });
    session = http2.connect(`http://${node.address}`);
  });

  afterEach(async () => {
    session.destroy();
    await node.stop();
  });

  /** A call whose headers are sent, and nothing more. */
  function open(path: string, contentType: string): http2.ClientHttp2Stream {
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": contentType });
    stream.on("error", () => {});
    return stream.resume();
  }

  const unary = () => open("/raftpb.RaftService/RequestVote", "application/grpc");

  test("a unary call whose request never ends is answered in the end, and its stream is given back", async () => {
    const stream = unary();
    stream.write(Buffer.from("0000000002", "hex"));
    const closed = once(stream, "close");
    expect(await responseTo(stream)).toMatchObject({
      ":status": 200,
      "grpc-status": String(status.DEADLINE_EXCEEDED),
    });
    await closed;
  });

  test("so is one in Connect's own protocol", async () => {
    const stream = open("/raftpb.RaftService/RequestVote", "application/proto");
    expect(await responseTo(stream)).toMatchObject({ ":status": 408 });
  });

  test("a stream is also given back when its answer did not wait for the request", async () => {
    const stream = open("/page", "text/plain");
    const closed = once(stream, "close");
    expect(await responseTo(stream)).toMatchObject({ ":status": 404 });
    await closed;
  });

  test.for([
    ["served directly", "application/grpc"],
    ["served through Connect", "application/connect+proto"],
  ])("a stream may go on for as long as it likes, %s", async ([, contentType]) => {
    const stream = open("/eraft.peer.v1.PeerService/Exchange", contentType ?? "");
    let isClosed = false;
    stream.once("close", () => (isClosed = true));
    // Opened later, and over: so would this one be.
    for (const later of [unary(), unary()]) await once(later, "close");
    expect(isClosed).toBe(false);
  });

  test("a request that has ended is left to its handler, however long that takes", async () => {
    const stream = unary();
    const answered = responseTo(stream);
    stream.end(Buffer.from("000000000408051001", "hex"));
    const request = await node.receiver.messages.next();
    await once(unary(), "close");
    const { from, to, term, sequence } = request;
    node.transport.send({
      type: "requestVoteResponse",
      from: to,
      to: from,
      term,
      sequence,
      voteGranted: true,
    });
    expect(await answered).toMatchObject({ ":status": 200 });
    const [trailers] = (await once(stream, "trailers")) as [http2.IncomingHttpHeaders];
    expect(trailers["grpc-status"]).toBe("0");
  });
});
