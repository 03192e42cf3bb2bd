import { fromBinary } from "@bufbuild/protobuf";
import {
  AppendEntriesRequestSchema,
  InstallSnapshotRequestSchema,
  RequestVoteRequestSchema,
} from "@eraft/proto/raftpb";
import { PEERS } from "./cluster.ts";
import { KV, RAFT, Status, type StreamInput, call, enveloped, grpcHeaders } from "./input.ts";
import { raftInput } from "./raft-inputs.ts";
import type { Random } from "./random.ts";

const METHODS = [
  `${RAFT}RequestVote`,
  `${RAFT}AppendEntries`,
  `${RAFT}InstallSnapshot`,
  `${KV}Command`,
] as const;
const { ok, invalidArgument, deadlineExceeded, permissionDenied, resourceExhausted } = Status;
const { failedPrecondition, unimplemented, internal } = Status;

/** What a call with some message gets that is right in everything else. */
const ANY_MESSAGE = [ok, invalidArgument, permissionDenied, failedPrecondition] as const;

/** Bytes that are no message, or some message. */
export function protobufInput(random: Random): StreamInput {
  for (;;) {
    const path = random.pick(METHODS);
    const { kind, bytes } = random.oneIn(2)
      ? { kind: "random bytes", bytes: random.bytes(random.below(80)) }
      : { kind: "mutated message", bytes: mutated(random) };
    // A correct server of this cluster could have sent that, and it may well change something.
    if (!mayBeValid(path, bytes)) return call(`protobuf: ${kind}`, path, bytes, ...ANY_MESSAGE);
  }
}

/** A bad message with bits flipped, bytes replaced, cut, repeated, or lengthened. */
function mutated(random: Random): Buffer {
  const { body } = raftInput(random);
  let bytes = Buffer.from(body?.subarray(5) ?? []);
  for (let times = random.between(1, 4); times > 0; times -= 1) {
    const at = random.below(bytes.length + 1);
    switch (random.below(5)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = random.pick([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
        break;
      case 2:
        bytes = Buffer.from(bytes.subarray(0, at));
        break;
      case 3:
        bytes = Buffer.concat([bytes, bytes.subarray(at)]);
        break;
      default:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          random.bytes(random.between(1, 12)),
          bytes.subarray(at),
        ]);
    }
  }
  return bytes;
}

function mayBeValid(path: string, bytes: Uint8Array): boolean {
  const sender = senderOf(path, bytes);
  return sender !== null && PEERS.some((peer) => BigInt(peer) === sender);
}

function senderOf(path: string, bytes: Uint8Array): bigint | null {
  try {
    if (path.endsWith("RequestVote")) return fromBinary(RequestVoteRequestSchema, bytes).candidateId;
    if (path.endsWith("AppendEntries")) return fromBinary(AppendEntriesRequestSchema, bytes).leaderId;
    if (path.endsWith("InstallSnapshot")) return fromBinary(InstallSnapshotRequestSchema, bytes).leaderId;
    return null;
  } catch {
    return null;
  }
}

/** Cut right after the five bytes, there is no message at all: see "none". */
const CUT = [invalidArgument, unimplemented] as const;

function envelope(kind: string, random: Random, body: Uint8Array | null, ...expected: number[]): StreamInput {
  const input = call(`envelope: ${kind}`, random.pick(METHODS), new Uint8Array(0), ...expected);
  return { ...input, body };
}

/** The five bytes before a message that say something else than what follows. */
export function envelopeInput(random: Random): StreamInput {
  const message = random.bytes(random.between(1, 60));
  switch (random.below(6)) {
    case 0:
      return envelope(
        "cut",
        random,
        enveloped(message).subarray(0, random.between(1, message.length + 4)),
        ...CUT,
      );
    case 1:
      return envelope(
        "longer than what follows",
        random,
        enveloped(message, 0, message.length + random.between(1, 9999)),
        invalidArgument,
      );
    case 2:
      return envelope(
        "longer than any limit",
        random,
        enveloped(message, 0, random.between(2 ** 26 + 1, 2 ** 32 - 1)),
        resourceExhausted,
      );
    case 3:
      return envelope("compressed without encoding", random, enveloped(message, 1), internal);
    case 4:
      return envelope("none", random, null, unimplemented, internal);
    default:
      return envelope(
        "two",
        random,
        Buffer.concat([enveloped(message), enveloped(message)]),
        unimplemented,
        invalidArgument,
      );
  }
}

function http(
  kind: string,
  headers: Record<string, string | string[]>,
  body: Uint8Array | null,
  ...expected: readonly (number | string)[]
): StreamInput {
  return { type: "stream", kind: `http: ${kind}`, headers, body, ending: "end", expected: new Set(expected) };
}

function text(random: Random, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(random.between(97, 122))).join("");
}

/** Requests whose headers are wrong. Statuses of HTTP are written "http 404"; "reset" is a stream that was refused. */
export function headerInput(random: Random): StreamInput {
  const path = random.pick(METHODS);
  const headers = grpcHeaders(path) as Record<string, string | string[]>;
  const message = random.bytes(random.below(40));
  const body = enveloped(message);
  switch (random.below(12)) {
    case 0:
      return http(
        "unknown encoding",
        { ...headers, "grpc-encoding": random.pick(["gzip", "br", "snappy", text(random, 9)]) },
        enveloped(message, 1),
        unimplemented,
      );
    case 1:
      return http(
        "other content type",
        {
          ...headers,
          "content-type": random.pick([
            "text/plain",
            "application/xml",
            "a/b",
            "application/grpcx",
            text(random, 20),
          ]),
        },
        body,
        "http 415",
        "http 404",
      );
    case 2:
      return http(
        "connect with bytes for JSON",
        { ...headers, "content-type": "application/json" },
        body,
        "http 400",
      );
    case 3:
      return http(
        "gRPC with bytes for JSON",
        { ...headers, "content-type": "application/grpc+json" },
        body,
        invalidArgument,
      );
    case 4:
      return http(
        "unknown method",
        { ...headers, ":path": `${random.pick([RAFT, KV, "/"])}${text(random, 8)}` },
        body,
        unimplemented,
      );
    case 5:
      return http(
        "unknown path",
        { ":method": random.pick(["GET", "POST", "PUT"]), ":path": `/${text(random, random.below(300))}` },
        null,
        "http 404",
      );
    case 6:
      return http(
        "other HTTP method",
        { ...headers, ":method": random.pick(["PUT", "DELETE", "PATCH", "OPTIONS"]) },
        body,
        "http 405",
        "http 404",
      );
    case 7:
      return http(
        "a deadline that is none",
        { ...headers, "grpc-timeout": random.pick(["1", "x", "-1S", "123456789012S", "1.5S", ""]) },
        body,
        invalidArgument,
        ...ANY_MESSAGE,
      );
    case 8:
      return http(
        "a deadline that has passed",
        { ...headers, "grpc-timeout": random.pick(["0n", "1n", "1u", "0S"]) },
        body,
        deadlineExceeded,
        ...ANY_MESSAGE,
      );
    case 9:
      return http(
        "too many headers",
        { ...headers, "x-many": Array.from({ length: random.between(65, 200) }, () => "1") },
        body,
        "reset",
        "http 431",
      );
    case 10:
      return http(
        "headers that are too long",
        { ...headers, "x-long": text(random, random.between(17_000, 40_000)) },
        body,
        "reset",
        "http 431",
        // Until the client has acknowledged the settings of the server, HTTP/2 itself allows 64 KiB.
        ...ANY_MESSAGE,
      );
    default:
      return http(
        "headers of any content",
        {
          ...headers,
          "user-agent": random.bytes(30).toString("hex"),
          "grpc-accept-encoding": text(random, 20),
          "content-length": String(body.length),
        },
        body,
        ...ANY_MESSAGE,
      );
  }
}

/** Callers that go away in the middle. */
export function brokenOffInput(random: Random): StreamInput {
  const input = raftInput(random);
  const body = input.body ?? new Uint8Array(0);
  const part = random.oneIn(4) ? null : body.subarray(0, random.below(body.length + 1));
  const ending = random.oneIn(3) ? "hang" : "reset";
  return { ...input, kind: `broken off: ${ending}`, body: part, ending, expected: null };
}
