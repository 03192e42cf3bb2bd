import { KV, RAFT, type RawInput } from "./input.ts";
import type { Random } from "./random.ts";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** RFC 9113, 4.1. */
function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array,
  length = payload.length,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length & 0xff_ffff, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

const SETTINGS = frame(4, 0, 0, new Uint8Array(0));

/** Literal headers without an index (RFC 7541, 6.2.2), for a call that is right unless `fields` say otherwise. */
function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  const parts = fields.flatMap(([name, value]) => {
    return [
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ];
  });
  return Buffer.concat(parts);
}

const CALL = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", `${RAFT}RequestVote`],
  [":authority", "a"],
  ["content-type", "application/grpc"],
] as const;

function http2(kind: string, ...frames: readonly Buffer[]): RawBytes {
  return { type: "raw", kind: `frames: ${kind}`, bytes: Buffer.concat([PREFACE, SETTINGS, ...frames]) };
}

/** Bytes on a connection of their own: HTTP/2 that breaks its rules, HTTP/1.1 that does, or neither. */
export function rawInput(random: Random): RawInput {
  const bytes = random.oneIn(3) ? http1Input(random) : http2Input(random);
  return { ...bytes, halfClose: random.oneIn(2) };
}

type RawBytes = Omit<RawInput, "halfClose">;

function http2Input(random: Random): RawBytes {
  const block = headerBlock(CALL);
  switch (random.below(14)) {
    case 0:
      return {
        type: "raw",
        kind: "frames: cut preface",
        bytes: PREFACE.subarray(0, random.between(1, PREFACE.length)),
      };
    case 1:
      return {
        type: "raw",
        kind: "frames: bytes after the preface",
        bytes: Buffer.concat([PREFACE, random.bytes(random.below(200))]),
      };
    case 2:
      return http2("of any kind", ...Array.from({ length: random.between(1, 20) }, () => anyFrame(random)));
    case 3:
      return http2(
        "a length that is not there",
        frame(random.below(10), random.below(256), random.below(9), random.bytes(20), random.below(2 ** 24)),
      );
    case 4:
      return http2(
        "random compressed headers",
        ...Array.from({ length: 5 }, (_, i) => frame(1, 5, 1 + 2 * i, random.bytes(random.below(80)))),
      );
    case 5:
      return http2("settings", frame(4, 0, 0, random.bytes(6 * random.between(1, 6))));
    case 6:
      return http2(
        "pings and acknowledgements of nothing",
        ...Array.from({ length: 50 }, () => frame(6, random.below(2), 0, random.bytes(8))),
        frame(4, 1, 0, new Uint8Array(0)),
      );
    case 7:
      return http2(
        "windows",
        frame(8, 0, random.below(4), Buffer.from([0x7f, 0xff, 0xff, 0xff])),
        frame(8, 0, 0, Buffer.alloc(4)),
        frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0xff, 0xff])),
      );
    case 8:
      return http2("continuation of nothing", frame(9, 4, random.below(5), block));
    case 9:
      return http2(
        "headers without end",
        frame(1, 0, 1, block),
        ...Array.from({ length: random.between(1, 60) }, () => frame(9, 0, 1, headerBlock([["x", "y"]]))),
      );
    case 10:
      return http2("data of no stream", frame(0, 1, random.below(6), random.bytes(random.below(50))));
    case 11:
      return http2(
        "duplicate or missing pseudo-headers",
        frame(1, 4, 1, headerBlock([...CALL.slice(random.below(4)), ...CALL.slice(0, random.below(5))])),
        frame(0, 1, 1, random.bytes(9)),
      );
    case 12:
      return http2(
        "header names and values that are not allowed",
        frame(
          1,
          5,
          1,
          headerBlock([
            ...CALL,
            [random.pick(["X-Upper", "a b", "connection", "", ":late"]), random.bytes(3).toString("latin1")],
          ]),
        ),
      );
    default:
      return http2(
        "streams reset at once",
        ...Array.from({ length: random.between(1, 40) }, (_, i) =>
          Buffer.concat([frame(1, 4, 1 + 2 * i, block), frame(3, 0, 1 + 2 * i, Buffer.from([0, 0, 0, 8]))]),
        ),
      );
  }
}

function anyFrame(random: Random): Buffer {
  return frame(random.below(12), random.below(256), random.below(16), random.bytes(random.below(30)));
}

const HTTP1_LINES = [
  "GET / HTTP/1.1",
  "GET /healthz HTTP/1.0",
  `POST ${KV}Command HTTP/1.1`,
  `POST ${RAFT}RequestVote HTTP/1.1`,
  "OPTIONS * HTTP/1.1",
  "CONNECT a:1 HTTP/1.1",
  "PRIX / HTTP/1.1",
  "GET http://[:::1]/ HTTP/1.1",
  "GET //\\\\:0/%zz HTTP/1.1",
] as const;

const HTTP1_HEADERS = [
  "Host: a",
  "Host: [",
  "Host: a b:99999",
  "Host:",
  "Content-Length: 5",
  "Content-Length: -1",
  "Content-Length: 5, 6",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: chunked, x",
  "Content-Type: application/json",
  "Content-Type: application/grpc",
  "Content-Type: application/grpc-web+proto",
  "Content-Type: application/proto",
  "Connect-Protocol-Version: 9",
  "Connect-Timeout-Ms: x",
  "Upgrade: h2c",
  "Connection: Upgrade, HTTP2-Settings",
  "HTTP2-Settings: AAMAAABkAAQAAP__",
  "Expect: 100-continue",
  "Expect: nothing",
  " folded",
  "no colon",
] as const;

function http1Input(random: Random): RawBytes {
  switch (random.below(5)) {
    case 0:
      return { type: "raw", kind: "http/1.1: bytes", bytes: random.bytes(random.between(1, 300)) };
    case 1:
      // The first bytes of a TLS handshake.
      return {
        type: "raw",
        kind: "http/1.1: TLS",
        bytes: Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), random.bytes(250)]),
      };
    case 2:
      return {
        type: "raw",
        kind: "http/1.1: long headers",
        bytes: Buffer.from(
          `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(random.between(16_000, 40_000))}\r\n\r\n`,
        ),
      };
    default: {
      const lines: string[] = [random.pick(HTTP1_LINES)];
      for (let left = random.below(6); left > 0; left -= 1) lines.push(random.pick(HTTP1_HEADERS));
      const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
      const body = random.oneIn(2)
        ? random.bytes(random.below(40))
        : Buffer.from(random.pick(["5\r\nhello\r\n0\r\n\r\n", "ffffffffff\r\nx", "{}", '{"key":1}']));
      return { type: "raw", kind: "http/1.1: requests", bytes: Buffer.concat([head, body]) };
    }
  }
}
