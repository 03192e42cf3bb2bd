import { type MessageInitShape, create, toBinary } from "@bufbuild/protobuf";
import {
  BatchRequestSchema,
  CompareAndSwapRequestSchema,
  Consistency,
  GetRequestSchema,
  PutRequestSchema,
  ScanRequestSchema,
  WatchRequestSchema,
} from "@eraft/proto/eraft/kv/v1";
import { KV_V1, Status, type StreamInput, call } from "./input.ts";
import type { Random } from "./random.ts";

const { ok, invalidArgument, deadlineExceeded, unavailable } = Status;

const METHODS = ["Get", "Put", "Delete", "CompareAndSwap", "Scan", "Batch", "OpenSession", "Watch"] as const;

const KEY = Buffer.from("k");
const PUT = { operation: { case: "put", value: { key: KEY, value: KEY } } } as const;

/** A call of eraft.kv.v1 that can never be done, that a follower does not do, or that is no message. */
export function kvV1Input(random: Random): StreamInput {
  switch (random.below(9)) {
    case 0:
      return badPut(random);
    case 1:
      return badBatch(random);
    case 2:
      return badSwap(random);
    case 3:
      return badScan(random);
    case 4:
      return badWatch(random);
    case 5: {
      const put = create(PutRequestSchema, { key: KEY, value: random.bytes(random.below(99)) });
      return v1("no leader here", "Put", toBinary(PutRequestSchema, put), unavailable);
    }
    case 6: {
      const key = Buffer.from(`k${random.below(9)}`);
      const get = create(GetRequestSchema, { key, consistency: Consistency.STALE });
      return v1("a stale read", "Get", toBinary(GetRequestSchema, get), ok);
    }
    case 7: {
      const get = create(GetRequestSchema, { key: random.oneIn(2) ? Buffer.alloc(0) : random.bytes(4097) });
      return v1("a key of no or too many bytes", "Get", toBinary(GetRequestSchema, get), invalidArgument);
    }
    default:
      // Some of them are calls that are right: those that a follower does not do, or that wait for a leader.
      return v1(
        "random bytes",
        random.pick(METHODS),
        random.bytes(random.between(1, 40)),
        ok,
        invalidArgument,
        deadlineExceeded,
        unavailable,
      );
  }
}

function badPut(random: Random): StreamInput {
  const [sequence, firstUnanswered] = random.oneIn(2) ? [random.negative(), 1n] : [5n, 6n];
  const serial = { sessionId: 7n, sequence, firstUnanswered };
  const fields = random.oneIn(2) ? { key: Buffer.alloc(0) } : { key: KEY, serial };
  const put = create(PutRequestSchema, fields);
  return v1("a put without key, or of no session", "Put", toBinary(PutRequestSchema, put), invalidArgument);
}

function badBatch(random: Random): StreamInput {
  const fields = random.pick<MessageInitShape<typeof BatchRequestSchema>>([
    { operations: [] },
    { operations: [{}] },
    { operations: Array.from({ length: 129 }, () => PUT) },
    { operations: [PUT], conditions: [{ key: KEY }] },
    {
      operations: [PUT],
      conditions: [{ key: KEY, expected: { case: "modRevision", value: random.negative() } as const }],
    },
  ]);
  const batch = create(BatchRequestSchema, fields);
  return v1("a batch that cannot be done", "Batch", toBinary(BatchRequestSchema, batch), invalidArgument);
}

function badSwap(random: Random): StreamInput {
  const expected = { case: "exists", value: true } as const;
  const change = { case: "value", value: KEY } as const;
  const fields = random.pick<MessageInitShape<typeof CompareAndSwapRequestSchema>>([
    { change },
    { condition: { key: KEY }, change },
    { condition: { key: KEY, expected } },
    { condition: { key: Buffer.alloc(0), expected }, change },
  ]);
  const swap = create(CompareAndSwapRequestSchema, fields);
  const bytes = toBinary(CompareAndSwapRequestSchema, swap);
  return v1("a swap without condition, change or key", "CompareAndSwap", bytes, invalidArgument);
}

function badScan(random: Random): StreamInput {
  const fields = random.pick<MessageInitShape<typeof ScanRequestSchema>>([
    { limit: -random.between(1, 2 ** 31) },
    { consistency: random.between(4, 2 ** 31 - 1) as Consistency },
    { range: { prefix: KEY, start: KEY } },
    { range: { start: random.bytes(4097) } },
    { pageToken: random.bytes(random.between(1, 40)) },
  ]);
  const scan = create(ScanRequestSchema, fields);
  return v1(
    "a scan of no range, page or consistency",
    "Scan",
    toBinary(ScanRequestSchema, scan),
    invalidArgument,
  );
}

function badWatch(random: Random): StreamInput {
  const fields = random.pick<MessageInitShape<typeof WatchRequestSchema>>([
    { fromRevision: random.negative() },
    { fromRevision: random.huge() },
    { range: { prefix: KEY, end: KEY } },
  ]);
  const watch = create(WatchRequestSchema, fields);
  const bytes = toBinary(WatchRequestSchema, watch);
  return v1("a watch of no range or revision", "Watch", bytes, invalidArgument);
}

function v1(
  kind: string,
  method: (typeof METHODS)[number],
  message: Uint8Array,
  ...expected: readonly number[]
): StreamInput {
  return call(`kv.v1: ${kind}`, `${KV_V1}${method}`, message, ...expected);
}
