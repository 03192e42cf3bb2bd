import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  BatchRequestSchema,
  CompareAndSwapRequestSchema,
  DeleteRequestSchema,
  GetRequestSchema,
  PutRequestSchema,
  ScanRequestSchema,
  StreamCallSchema,
  WatchRequestSchema,
} from "@eraft/proto/eraft/kv/v1";
import type { CommandRequestSchema } from "@eraft/proto/kvraftpb";

// What can be wrong with a request, as data. A test gives all of it to a server that runs, and docs/bad-input.md says what came back.

/** A call with a request that is wrong. */
export type BadCall =
  | { readonly method: "Get"; readonly request: MessageInitShape<typeof GetRequestSchema> }
  | { readonly method: "Put"; readonly request: MessageInitShape<typeof PutRequestSchema> }
  | { readonly method: "Delete"; readonly request: MessageInitShape<typeof DeleteRequestSchema> }
  | {
      readonly method: "CompareAndSwap";
      readonly request: MessageInitShape<typeof CompareAndSwapRequestSchema>;
    }
  | { readonly method: "Scan"; readonly request: MessageInitShape<typeof ScanRequestSchema> }
  | { readonly method: "Batch"; readonly request: MessageInitShape<typeof BatchRequestSchema> }
  | { readonly method: "Watch"; readonly request: MessageInitShape<typeof WatchRequestSchema> }
  | { readonly method: "Stream"; readonly request: MessageInitShape<typeof StreamCallSchema> }
  | { readonly method: "Command"; readonly request: MessageInitShape<typeof CommandRequestSchema> };

export type BadInput = { readonly what: string } & BadCall;

/** A request to the HTTP endpoint of a method, over HTTP/1.1. */
export interface BadHttp {
  readonly what: string;
  readonly method: string;
  readonly contentType: string;
  readonly body: string;
  readonly verb?: "GET" | "POST";
}

const key = new TextEncoder().encode("key");
const longKey = new Uint8Array(4097).fill(0x6b);
const largeValue = new Uint8Array((1 << 20) + 1);
const get = { operation: { case: "get", value: { key } } } as const;
const put = { key, value: new Uint8Array(1 << 20) };

export const BAD_INPUTS: readonly BadInput[] = [
  { what: "an empty key", method: "Get", request: {} },
  { what: "a key of 4,097 bytes", method: "Get", request: { key: longKey } },
  { what: "a consistency that there is none", method: "Get", request: { key, consistency: 9 as never } },
  { what: "an empty key", method: "Put", request: { value: key } },
  { what: "a key of 4,097 bytes", method: "Put", request: { key: longKey } },
  { what: "a value of 1 MiB and a byte", method: "Put", request: { key, value: largeValue } },
  { what: "session 0", method: "Put", request: { key, serial: { sequence: 1n } } },
  { what: "sequence 0", method: "Put", request: { key, serial: { sessionId: 1n } } },
  { what: "sequence -1", method: "Put", request: { key, serial: { sessionId: 1n, sequence: -1n } } },
  { what: "sequence 2^53", method: "Put", request: { key, serial: { sessionId: 1n, sequence: 2n ** 53n } } },
  {
    what: "first_unanswered above sequence",
    method: "Put",
    request: { key, serial: { sessionId: 1n, sequence: 1n, firstUnanswered: 2n } },
  },
  {
    what: "a session that was never opened",
    method: "Put",
    request: { key, serial: { sessionId: 4_000_000_000n, sequence: 1n } },
  },
  { what: "an empty key", method: "Delete", request: {} },
  { what: "no condition", method: "CompareAndSwap", request: { change: { case: "value", value: key } } },
  {
    what: "no change",
    method: "CompareAndSwap",
    request: { condition: { key, expected: { case: "exists", value: true } } },
  },
  {
    what: "delete = false",
    method: "CompareAndSwap",
    request: {
      condition: { key, expected: { case: "exists", value: true } },
      change: { case: "delete", value: false },
    },
  },
  {
    what: "a condition without an expectation",
    method: "CompareAndSwap",
    request: { condition: { key }, change: { case: "value", value: key } },
  },
  {
    what: "mod_revision 0",
    method: "CompareAndSwap",
    request: {
      condition: { key, expected: { case: "modRevision", value: 0n } },
      change: { case: "value", value: key },
    },
  },
  { what: "no operations", method: "Batch", request: {} },
  { what: "an operation that is none", method: "Batch", request: { operations: [{}] } },
  {
    what: "129 operations",
    method: "Batch",
    request: { operations: Array.from({ length: 129 }, () => get) },
  },
  {
    what: "three values of 1 MiB",
    method: "Batch",
    request: {
      operations: Array.from({ length: 3 }, () => ({ operation: { case: "put", value: put } }) as const),
    },
  },
  {
    what: "an append beyond 1 MiB",
    method: "Batch",
    request: {
      operations: [
        { operation: { case: "put", value: put } },
        { operation: { case: "append", value: { key, value: key } } },
      ],
    },
  },
  {
    what: "gets of more than two of the largest items",
    method: "Batch",
    request: { operations: [{ operation: { case: "put", value: put } }, get, get, get] },
  },
  { what: "a negative page size", method: "Scan", request: { limit: -1 } },
  { what: "10,001 items in a page", method: "Scan", request: { limit: 10_001 } },
  { what: "a page token that is none", method: "Scan", request: { pageToken: Uint8Array.of(1, 2, 3, 4, 5) } },
  { what: "a prefix and a start", method: "Scan", request: { range: { prefix: key, start: key } } },
  { what: "a start of 4,097 bytes", method: "Scan", request: { range: { start: longKey } } },
  { what: "a consistency that there is none", method: "Scan", request: { consistency: -1 as never } },
  { what: "a revision of the future", method: "Watch", request: { fromRevision: 2n ** 40n } },
  { what: "a revision that is not kept any more", method: "Watch", request: { fromRevision: 1n } },
  { what: "revision -1", method: "Watch", request: { fromRevision: -1n } },
  { what: "a prefix and an end", method: "Watch", request: { range: { prefix: key, end: key } } },
  { what: "a call that is none", method: "Stream", request: { callId: 1n } },
  { what: "an empty key", method: "Stream", request: { callId: 1n, call: { case: "get", value: {} } } },
  { what: "an empty key", method: "Command", request: { value: "v" } },
  { what: "op 7", method: "Command", request: { key: "k", op: 7 as never } },
  { what: "a key of 4,098 bytes of UTF-8", method: "Command", request: { key: "ä".repeat(2049) } },
  { what: "a GET of a value that is not UTF-8", method: "Command", request: { key: "bytes", op: 2 } },
];

const JSON_TYPE = "application/json";

export const BAD_HTTP: readonly BadHttp[] = [
  { what: "no JSON", method: "Put", contentType: JSON_TYPE, body: "{" },
  { what: "a field that there is none", method: "Put", contentType: JSON_TYPE, body: '{"kee": "a2V5"}' },
  { what: "a key that is no base64", method: "Put", contentType: JSON_TYPE, body: '{"key": 7}' },
  { what: "an empty key", method: "Put", contentType: JSON_TYPE, body: "{}" },
  {
    what: "bytes that are no protobuf",
    method: "Put",
    contentType: "application/proto",
    body: "\u0000\u0000",
  },
  { what: "another content type", method: "Put", contentType: "text/plain", body: "{}" },
  { what: "a method that there is none", method: "Putt", contentType: JSON_TYPE, body: "{}" },
  { what: "GET in place of POST", method: "Put", contentType: JSON_TYPE, body: "", verb: "GET" },
];
