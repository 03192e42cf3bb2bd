import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CallOptions, Client } from "@connectrpc/connect";
import type {
  BatchRequestSchema,
  BatchResponse,
  CompareAndSwapRequestSchema,
  CompareAndSwapResponse,
  DeleteRequestSchema,
  DeleteResponse,
  GetRequestSchema,
  GetResponse,
  KvService,
  PutRequestSchema,
  PutResponse,
  ScanRequestSchema,
  ScanResponse,
} from "@eraft/proto/eraft/kv/v1";

/** A method that can be called by itself, or over a stream. */
export interface KvMethod<Q, A> {
  /** Also the case of a stream's call and of its reply. */
  readonly name: "get" | "put" | "delete" | "compareAndSwap" | "scan" | "batch";
  /** Writes carry a Serial. */
  readonly isWrite: boolean;
  readonly send: (client: Client<typeof KvService>, request: Q, options: CallOptions) => Promise<A>;
}

export const GET: KvMethod<MessageInitShape<typeof GetRequestSchema>, GetResponse> = {
  name: "get",
  isWrite: false,
  send: (client, request, options) => client.get(request, options),
};

export const SCAN: KvMethod<MessageInitShape<typeof ScanRequestSchema>, ScanResponse> = {
  name: "scan",
  isWrite: false,
  send: (client, request, options) => client.scan(request, options),
};

export const PUT: KvMethod<MessageInitShape<typeof PutRequestSchema>, PutResponse> = {
  name: "put",
  isWrite: true,
  send: (client, request, options) => client.put(request, options),
};

export const DELETE: KvMethod<MessageInitShape<typeof DeleteRequestSchema>, DeleteResponse> = {
  name: "delete",
  isWrite: true,
  send: (client, request, options) => client.delete(request, options),
};

export const COMPARE_AND_SWAP: KvMethod<
  MessageInitShape<typeof CompareAndSwapRequestSchema>,
  CompareAndSwapResponse
> = {
  name: "compareAndSwap",
  isWrite: true,
  send: (client, request, options) => client.compareAndSwap(request, options),
};

export const BATCH: KvMethod<MessageInitShape<typeof BatchRequestSchema>, BatchResponse> = {
  name: "batch",
  isWrite: true,
  send: (client, request, options) => client.batch(request, options),
};
