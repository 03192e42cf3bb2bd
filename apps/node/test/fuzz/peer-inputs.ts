import { type Message, type MessageInitShape, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ExchangeRequestSchema,
  type HelloSchema,
  InstallSnapshotRequestSchema,
  Lane,
  type RejectionReason,
  type RequestSchema,
  type SnapshotHeaderSchema,
} from "@eraft/proto/eraft/peer/v1";
import { LAST_INDEX, PEERS, SELF, TERM } from "./cluster.ts";
import { PEER, Status, type StreamInput, call, enveloped } from "./input.ts";
import type { Random } from "./random.ts";

/** The fields of a message, without what a message of its class has besides. */
type Init<Shape> = Exclude<Shape, Message>;
type HelloFields = Init<MessageInitShape<typeof HelloSchema>>;
type RequestFields = Init<MessageInitShape<typeof RequestSchema>>;
type HeaderFields = Init<MessageInitShape<typeof SnapshotHeaderSchema>>;
type ExchangeFields = Init<MessageInitShape<typeof ExchangeRequestSchema>>;

const { ok, canceled, invalidArgument, permissionDenied, resourceExhausted } = Status;
const { failedPrecondition, aborted, unimplemented, unavailable } = Status;

function helloOf(random: Random, fields: HelloFields = {}): HelloFields {
  const from = BigInt(random.pick(PEERS));
  return { versionMin: 1, versionMax: 1, from, to: BigInt(SELF), run: random.huge(), ...fields };
}

function frame(fields: ExchangeFields): Buffer {
  return enveloped(toBinary(ExchangeRequestSchema, create(ExchangeRequestSchema, fields)));
}

function exchange(kind: string, frames: readonly Uint8Array[], ...expected: number[]): StreamInput {
  const input = call(`exchange: ${kind}`, `${PEER}Exchange`, new Uint8Array(0), ...expected);
  return { ...input, body: Buffer.concat(frames) };
}

/** With a proper beginning. Whoever begins another one as the same server ends it by that. */
function introduced(
  random: Random,
  kind: string,
  rest: readonly Uint8Array[],
  ...expected: number[]
): StreamInput {
  const lane = random.pick([Lane.CONTROL, Lane.BULK]);
  return exchange(kind, [frame({ hello: helloOf(random), lane }), ...rest], ...expected, aborted);
}

/** A caller that is nobody to talk to, with what it gets to hear. */
function badHello(random: Random): { kind: string; fields: HelloFields; expected: number } {
  switch (random.below(6)) {
    case 0:
      return { kind: "from below 0", fields: { from: random.negative() }, expected: invalidArgument };
    case 1:
      return { kind: "from above 2^53", fields: { from: random.huge() }, expected: invalidArgument };
    case 2:
      return {
        kind: "to another",
        fields: { to: random.oneIn(2) ? random.huge() : BigInt(random.between(1, 9)) },
        expected: failedPrecondition,
      };
    case 3:
      return { kind: "from itself", fields: { from: BigInt(SELF) }, expected: permissionDenied };
    case 4:
      return {
        kind: "from a stranger",
        fields: { from: BigInt(random.between(3, 999)) },
        expected: permissionDenied,
      };
    default:
      return {
        kind: "no common version",
        fields: random.oneIn(2)
          ? { versionMin: random.between(2, 2 ** 31), versionMax: 2 ** 32 - 1 }
          : { versionMin: 0, versionMax: 0 },
        expected: failedPrecondition,
      };
  }
}

/** What no correct server sends, over a stream. */
function badRequest(random: Random): { kind: string; request: RequestFields } {
  const good = { sequence: BigInt(random.below(1000)), term: BigInt(random.between(1, TERM - 1)) };
  const append = { prevLogIndex: 3n, prevLogTerm: 1n, leaderCommit: 3n };
  switch (random.below(8)) {
    case 0:
      return { kind: "of no kind", request: good };
    case 1:
      return {
        kind: "term 0",
        request: { ...good, term: 0n, body: { case: "requestVote", value: {} } },
      };
    case 2:
      return {
        kind: "term above 2^53",
        request: { ...good, term: random.huge(), body: { case: "preVote", value: {} } },
      };
    case 3:
      return {
        kind: "sequence above 2^52",
        request: { ...good, sequence: random.huge(), body: { case: "readIndex", value: {} } },
      };
    case 4:
      return {
        kind: "a log of a later term",
        request: {
          ...good,
          body: { case: "requestVote", value: { lastLogIndex: 5n, lastLogTerm: good.term + 1n } },
        },
      };
    case 5:
      return {
        kind: "commit above what it verifies",
        request: {
          ...good,
          body: { case: "appendEntries", value: { ...append, leaderCommit: random.huge() } },
        },
      };
    case 6:
      return {
        kind: "an entry of a later term",
        request: {
          ...good,
          body: { case: "appendEntries", value: { ...append, entries: [{ term: good.term + 1n }] } },
        },
      };
    default:
      return {
        kind: "an index above 2^53",
        request: {
          ...good,
          body: { case: "appendEntries", value: { ...append, prevLogIndex: random.huge() } },
        },
      };
  }
}

/** From a leader or candidate of an earlier term: answered, and nothing else. */
function staleRequest(random: Random): RequestFields {
  const good = { sequence: BigInt(random.below(1000)), term: BigInt(random.between(1, TERM - 1)) };
  const place = { lastLogIndex: BigInt(random.between(1, LAST_INDEX)), lastLogTerm: 1n };
  switch (random.below(4)) {
    case 0:
      return { ...good, body: { case: "requestVote", value: place } };
    case 1:
      return { ...good, body: { case: "preVote", value: place } };
    case 2:
      return { ...good, body: { case: "readIndex", value: {} } };
    default: {
      const entries = [{ command: random.bytes(random.between(1, 300)) }];
      return {
        ...good,
        body: { case: "appendEntries", value: { prevLogIndex: 1n, prevLogTerm: 1n, entries } },
      };
    }
  }
}

/** Bytes that ask for nothing, whatever else they say. */
function noRequests(random: Random): Buffer {
  for (;;) {
    const bytes = random.bytes(random.below(60));
    try {
      const { rejection, requests } = fromBinary(ExchangeRequestSchema, bytes);
      if (requests.length === 0 && rejection === undefined) return bytes;
    } catch {
      return bytes;
    }
  }
}

function exchangeInput(random: Random): StreamInput {
  const lane = random.pick([Lane.CONTROL, Lane.BULK]);
  const hello = helloOf(random);
  switch (random.below(14)) {
    case 0:
      return exchange("no hello", [frame({ lane, requests: [staleRequest(random)] })], invalidArgument);
    case 1:
      return exchange("nothing", [frame({})], invalidArgument);
    case 2:
    case 3: {
      const { kind, fields, expected } = badHello(random);
      return exchange(`hello ${kind}`, [frame({ hello: helloOf(random, fields), lane })], expected);
    }
    case 4:
      return exchange("no lane", [frame({ hello, lane: random.pick([0, 3, 99]) as Lane })], invalidArgument);
    case 5:
      return exchange(
        "hello with requests",
        [frame({ hello, lane, requests: [staleRequest(random)] })],
        invalidArgument,
      );
    case 6: {
      const bytes = frame({ hello, lane });
      const at = random.between(5, bytes.length - 1);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      const expected = [ok, invalidArgument, permissionDenied, failedPrecondition, aborted] as const;
      return exchange("mutated hello", [bytes], ...expected);
    }
    case 7:
      return introduced(random, "second hello", [frame({ hello, lane })], invalidArgument);
    case 8:
      return introduced(random, "random bytes", [enveloped(noRequests(random))], ok, invalidArgument);
    case 9:
      return introduced(
        random,
        "rejection",
        [frame({ rejection: { reason: random.below(9) as RejectionReason } })],
        canceled,
      );
    case 10: {
      const whole = frame({ requests: [staleRequest(random)] });
      const cut = whole.subarray(0, random.between(1, whole.length - 1));
      return introduced(random, "cut", [cut], invalidArgument);
    }
    case 11: {
      const large = enveloped(Buffer.alloc(9), 0, random.between(2 ** 26 + 1, 2 ** 32 - 1));
      const compressed = enveloped(random.bytes(9), random.between(1, 255));
      return random.oneIn(2)
        ? introduced(random, "longer than any limit", [large], resourceExhausted)
        : introduced(random, "compressed", [compressed], unimplemented);
    }
    case 12: {
      const requests = Array.from({ length: random.between(1, 5) }, () => staleRequest(random));
      return introduced(random, "stale requests", [frame({ requests })], ok);
    }
    default: {
      const { kind, request } = badRequest(random);
      const requests = [staleRequest(random), request];
      return introduced(random, `request ${kind}`, [frame({ requests })], invalidArgument);
    }
  }
}

function snapshotFrame(fields: Init<MessageInitShape<typeof InstallSnapshotRequestSchema>>): Buffer {
  return enveloped(toBinary(InstallSnapshotRequestSchema, create(InstallSnapshotRequestSchema, fields)));
}

function upload(kind: string, body: Uint8Array, ...expected: number[]): StreamInput {
  const input = call(`upload: ${kind}`, `${PEER}InstallSnapshot`, new Uint8Array(0), ...expected);
  return { ...input, body };
}

/** None of them ever gets as far as a snapshot. */
function uploadInput(random: Random): StreamInput {
  const hello = helloOf(random);
  const header: HeaderFields = {
    transfer: 1n,
    sequence: 1n,
    term: BigInt(TERM),
    lastIncludedIndex: 5n,
    lastIncludedTerm: 2n,
    sizeBytes: 10n,
  };
  const field = random.pick([
    "transfer",
    "sequence",
    "term",
    "lastIncludedIndex",
    "sizeBytes",
    "resumableFrom",
  ]);
  switch (random.below(6)) {
    case 0:
      return upload("no hello", snapshotFrame({ chunk: { data: random.bytes(9) } }), invalidArgument);
    case 1: {
      const { kind, fields, expected } = badHello(random);
      return upload(`hello ${kind}`, snapshotFrame({ hello: helloOf(random, fields), header }), expected);
    }
    case 2:
      return upload("no header", snapshotFrame({ hello }), invalidArgument, aborted);
    case 3:
      return upload(
        `header with ${field} above 2^53`,
        snapshotFrame({ hello, header: { ...header, [field]: random.huge() } }),
        invalidArgument,
        aborted,
      );
    case 4:
      return upload(
        "header of a later term",
        snapshotFrame({ hello, header: { ...header, lastIncludedTerm: BigInt(TERM + 1) } }),
        invalidArgument,
        aborted,
      );
    default:
      return upload(
        "the end of something that is not here",
        snapshotFrame({ hello, header: { ...header, resumableFrom: 5n } }),
        unavailable,
        aborted,
      );
  }
}

/** The streams of servers that do what none should, or that go away in the middle. */
export function peerInput(random: Random): StreamInput {
  const input = random.oneIn(4) ? uploadInput(random) : exchangeInput(random);
  if (!random.oneIn(5)) return input;
  const body = input.body ?? new Uint8Array(0);
  const ending = random.oneIn(3) ? "hang" : "reset";
  const part = body.subarray(0, random.below(body.length + 1));
  return { ...input, kind: `stream broken off: ${ending}`, body: part, ending, expected: null };
}
