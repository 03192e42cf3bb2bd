import { once } from "node:events";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { Code } from "@connectrpc/connect";
import { Lane } from "@eraft/proto/eraft/peer/v1";
import { nodePeerConnection } from "@eraft/transport-connect/node";
import { afterEach, expect, test } from "vitest";
import { encodeEnvelope } from "../src/node/envelopes.ts";
import { encodeStreamRequest } from "../src/codec/peer/encode-request.ts";
import { ExchangeRequestSchema } from "@eraft/proto/eraft/peer/v1";
import { RawExchange, helloOf } from "./raw-stream.ts";
import { appendRequest, entriesAfter, startNode, voteRequest } from "./support.ts";

const EXCHANGE = "/eraft.peer.v1.PeerService/Exchange";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

/** A call of ours to a server that does with it what the test says. */
async function callTo(handle: (stream: http2.ServerHttp2Stream) => void): Promise<RawExchange> {
  const server = http2.createServer();
  server.on("stream", (stream: http2.ServerHttp2Stream) => {
    stream.on("error", () => {});
    handle(stream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const connection = nodePeerConnection(`127.0.0.1:${(server.address() as AddressInfo).port}`, {
    readMaxBytes: 1000,
  });
  cleanups.push(() => {
    connection.close();
    server.close();
  });
  const exchange = new RawExchange(connection.open);
  exchange.hello();
  return exchange;
}

const GRPC = { ":status": 200, "content-type": "application/grpc+proto" };
const WELCOME = Buffer.from("00000000040a020801", "hex");

test("a call ends with the status of its trailers, after all that came before", async () => {
  const exchange = await callTo((stream) => {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on("wantTrailers", () => {
      stream.sendTrailers({ "grpc-status": "7", "grpc-message": "not%20you" });
    });
    stream.end(WELCOME);
  });
  expect(await exchange.over).toMatchObject({ code: Code.PermissionDenied, rawMessage: "not you" });
  expect(exchange.frames.all).toHaveLength(1);
});

test("or of its headers, if there is nothing else", async () => {
  const exchange = await callTo((stream) => {
    stream.respond({ ...GRPC, "grpc-status": "12", "grpc-message": "unknown" }, { endStream: true });
  });
  expect(await exchange.over).toMatchObject({ code: Code.Unimplemented });
});

test("a call that ends well ends without an error", async () => {
  const exchange = await callTo((stream) => {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end();
  });
  expect(await exchange.over).toBe(null);
});

test.for([
  ["a web server that knows no such page", 404, "text/html", Code.Unimplemented],
  ["a proxy whose server is away", 502, "text/html", Code.Unavailable],
  ["a web server that shows a page", 200, "text/html", Code.Unavailable],
] as const)("%s is told from one that speaks gRPC", async ([, status, type, code]) => {
  const exchange = await callTo((stream) => {
    stream.respond({ ":status": status, "content-type": type });
    stream.end("<p>hello</p>");
  });
  expect(await exchange.over).toMatchObject({ code });
  expect(exchange.frames.all).toEqual([]);
});

test.for([
  ["is reset", (stream: http2.ServerHttp2Stream) => stream.close(http2.constants.NGHTTP2_NO_ERROR)],
  ["ends without a status", (stream: http2.ServerHttp2Stream) => stream.end()],
  ["loses its connection", (stream: http2.ServerHttp2Stream) => stream.session?.destroy()],
] as const)("a call that %s is lost", async ([, end]) => {
  const exchange = await callTo((stream) => {
    stream.respond(GRPC);
    stream.write(WELCOME, () => end(stream));
  });
  expect(await exchange.over).toMatchObject({ code: Code.Canceled });
});

test.for([
  ["larger than it may be", Buffer.from("00000003e9", "hex"), Code.ResourceExhausted],
  ["compressed", Buffer.from("0100000000", "hex"), Code.Unimplemented],
  ["no protobuf", Buffer.from("00000000010f", "hex"), Code.Internal],
] as const)("a message that is %s ends the call", async ([, bytes, code]) => {
  const exchange = await callTo((stream) => {
    stream.respond(GRPC);
    stream.write(Buffer.concat([WELCOME, bytes]));
  });
  expect(await exchange.over).toMatchObject({ code });
  expect(exchange.frames.all).toHaveLength(1);
});

const frame = (fields: object) =>
  encodeEnvelope(ExchangeRequestSchema, {
    $typeName: "eraft.peer.v1.ExchangeRequest",
    lane: Lane.UNSPECIFIED,
    requests: [],
    ...fields,
  });

/** A call to a server of ours, byte by byte. */
async function bytesTo(limits = {}) {
  const node = await startNode(2, { peers: new Map([[1, "127.0.0.1:1"]]), limits });
  const session = http2.connect(`http://${node.address}`);
  const stream = session.request({
    ":method": "POST",
    ":path": EXCHANGE,
    "content-type": "application/grpc",
  });
  cleanups.push(() => {
    session.destroy();
    return node.stop();
  });
  stream.resume();
  const status = async (): Promise<string> => {
    const [trailers] = (await once(stream, "trailers")) as [http2.IncomingHttpHeaders];
    return String(trailers["grpc-status"]);
  };
  stream.write(frame({ hello: helloOf(), lane: Lane.CONTROL }));
  return { node, stream, status };
}

test.for([
  ["larger than it may be", Buffer.from("00000003e9", "hex"), Code.ResourceExhausted],
  ["compressed", Buffer.from("0100000000", "hex"), Code.Unimplemented],
  ["no protobuf", Buffer.from("00000000010f", "hex"), Code.InvalidArgument],
] as const)("a server answers a message that is %s, and receives nothing of it", async ([, bytes, code]) => {
  const { node, status, stream } = await bytesTo({ readMaxBytes: 1000 });
  stream.write(Buffer.concat([bytes, frame({ requests: [encodeStreamRequest(voteRequest())] })]));
  expect(await status()).toBe(String(code));
  expect(node.receiver.messages.all).toEqual([]);
});

test("a message that ends early is none", async () => {
  const { node, status, stream } = await bytesTo();
  stream.end(frame({ requests: [encodeStreamRequest(voteRequest())] }).subarray(0, -1));
  expect(await status()).toBe(String(Code.InvalidArgument));
  expect(node.receiver.messages.all).toEqual([]);
});

test("a caller that has no more requests is let go", async () => {
  const { node, status, stream } = await bytesTo();
  stream.end(frame({ requests: [encodeStreamRequest(voteRequest())] }));
  expect(await status()).toBe("0");
  expect(node.receiver.messages.all).toEqual([voteRequest()]);
});

test("a large message arrives whole, whatever it was cut into", async () => {
  const { node, stream } = await bytesTo();
  const append = appendRequest({ entries: entriesAfter(9, 3, 300_000) });
  const bytes = frame({ requests: [encodeStreamRequest(append, 3)] });
  for (let at = 0; at < bytes.length; at += 7777) stream.write(bytes.subarray(at, at + 7777));
  expect(await node.receiver.messages.next()).toEqual(append);
});
