import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";

/** The gRPC status codes that bad input is answered with. */
export const Status = {
  ok: 0,
  canceled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** What came back for a request. */
export interface Reply {
  /** Null if the stream was reset before any headers came. */
  readonly httpStatus: number | null;
  /** From the headers or the trailers; null without one. */
  readonly grpcStatus: number | null;
  readonly headers: IncomingHttpHeaders;
}

/** One request on a stream of an HTTP/2 connection. */
export interface StreamInput {
  readonly type: "stream";
  readonly kind: string;
  readonly headers: OutgoingHttpHeaders;
  /** Null sends headers only. */
  readonly body: Uint8Array | null;
  /** What the caller does after the body: ends it, resets the stream, or neither until the end of the chunk. */
  readonly ending: "end" | "reset" | "hang";
  /** The documented statuses; null where the caller does not wait for an answer. */
  readonly expected: ReadonlySet<number | string> | null;
}

/** Bytes on a connection of their own. */
export interface RawInput {
  readonly type: "raw";
  readonly kind: string;
  readonly bytes: Uint8Array;
  /** Whether it says that nothing follows; else it just waits. */
  readonly halfClose: boolean;
}

export type Input = StreamInput | RawInput;

export const RAFT = "/raftpb.RaftService/";
export const PEER = "/eraft.peer.v1.PeerService/";
export const KV = "/kvraftpb.KVService/";
export const KV_V1 = "/eraft.kv.v1.KvService/";

/** The five bytes before each message of gRPC, and the message. */
export function enveloped(message: Uint8Array, flags = 0, length = message.length): Buffer {
  const envelope = Buffer.allocUnsafe(5 + message.length);
  envelope[0] = flags;
  envelope.writeUInt32BE(length >>> 0, 1);
  envelope.set(message, 5);
  return envelope;
}

export function grpcHeaders(path: string): OutgoingHttpHeaders {
  return { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
}

/** A proper gRPC call of which at most the message is bad. */
export function call(
  kind: string,
  path: string,
  message: Uint8Array,
  ...expected: readonly (number | string)[]
): StreamInput {
  return {
    type: "stream",
    kind,
    headers: grpcHeaders(path),
    body: enveloped(message),
    ending: "end",
    expected: new Set(expected),
  };
}
