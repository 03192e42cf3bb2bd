import { create } from "@bufbuild/protobuf";
import type { Clock } from "@eraft/core";
import {
  type BatchRequest,
  type CompareAndSwapRequest,
  Consistency,
  type DeleteRequest,
  DeleteResponseSchema,
  type GetRequest,
  GetResponseSchema,
  type PutRequest,
  PutResponseSchema,
  type ScanRequest,
  ScanResponseSchema,
  type Serial as SerialMessage,
  type StreamCall,
  type StreamReply,
} from "@eraft/proto/eraft/kv/v1";
import { KvInvalidArgumentError } from "../errors.ts";
import type { KvConsistency } from "../protocol.ts";
import { byteStringOf, bytesOf } from "../state/byte-string.ts";
import type { Item } from "../state/items.ts";
import { MAX_VALUE_BYTES } from "../state/limits.ts";
import { type SerialWrite, encodeWrites } from "../state/logged-writes.ts";
import type { KvItemsAnswer, KvScanAnswer, KvQuery } from "../state/query.ts";
import { type WriteResult, isWritten } from "../state/result.ts";
import { type Write, keyFault, writeFault } from "../state/write.ts";
import { connectError, failureOf, faultFailure, invalid, lateFailure, refusalFailure } from "./failure.ts";
import { type GroupLimits, Groups } from "./groups.ts";
import { keysOf } from "./key-range.ts";
import { batchResponse, casResponse, casWriteOf, itemMessage, serialOf, writeOf } from "./messages.ts";
import { NextLeader } from "./next-leader.ts";
import type { KvNode } from "./node.ts";
import { fromPage, pageToken } from "./page-token.ts";
import type { CallSignal } from "./time-limits.ts";
import type { NextTurn } from "./turns.ts";

/** A call, whether it came by itself or over a stream. */
export type Call = StreamCall["call"];
export type Reply = StreamReply["reply"];

export interface CallsOptions {
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
  readonly timeLimitMs: number;
  readonly maxWaiting: number;
}

/** One entry of the log: large enough that its own cost is nothing, and small enough that nobody waits long behind it. */
const WRITES: GroupLimits = { maxCount: 256, maxBytes: 64 << 10 };
const READS: GroupLimits = { maxCount: 1024, maxBytes: Infinity };

const DEFAULT_PAGE_ITEMS = 1000;
const MAX_PAGE_ITEMS = 10_000;
const MAX_PAGE_BYTES: number = MAX_VALUE_BYTES;

interface Read {
  readonly revision: number;
  readonly item: Item | null;
}

/** Does the calls of eraft.kv.v1 that have one answer. Checks all there is to check before anything is proposed. */
export class Calls {
  readonly #node: KvNode;
  readonly #nextLeader: NextLeader;
  readonly #writes: Groups<SerialWrite, WriteResult>;
  readonly #reads: Readonly<Record<KvConsistency, Groups<string, Read>>>;
  readonly #scans: Groups<KvQuery & { readonly consistency: KvConsistency }, KvScanAnswer>;

  constructor(node: KvNode, options: CallsOptions) {
    this.#node = node;
    this.#nextLeader = new NextLeader(node, options.clock);
    this.#writes = new Groups<SerialWrite, WriteResult>(WRITES, options, (writes, signal) =>
      this.#propose(writes, signal),
    );
    const reads = (consistency: KvConsistency): Groups<string, Read> =>
      new Groups<string, Read>(READS, options, (keys, signal) => this.#read(keys, consistency, signal));
    this.#reads = { linearizable: reads("linearizable"), lease: reads("lease"), stale: reads("stale") };
    this.#scans = new Groups({ maxCount: 1, maxBytes: Infinity }, options, async ([query], signal) => {
      const page = await this.#query(query!, query!.consistency, signal);
      return [page as KvScanAnswer];
    });
  }

  /** As that of the node; who comes between two leaders may be told of the next one. */
  async propose(command: Uint8Array, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#node.propose(command, { signal });
    } catch (error) {
      throw await this.#nextLeader.errorFor(error, signal);
    }
  }

  /** Replies once: now, or when it is known what became of the call. */
  start(call: Call, reply: (reply: Reply) => void): void {
    try {
      this.#start(call, reply);
    } catch (error) {
      reply({ case: "failure", value: failureOf(error) });
    }
  }

  #start(call: Call, reply: (reply: Reply) => void): void {
    switch (call.case) {
      case "get":
        return this.#get(call.value, reply);
      case "put":
        return this.#put(call.value, reply);
      case "delete":
        return this.#delete(call.value, reply);
      case "compareAndSwap":
        return this.#compareAndSwap(call.value, reply);
      case "batch":
        return this.#batch(call.value, reply);
      case "scan":
        return this.#scan(call.value, reply);
      case undefined:
        return reply({ case: "failure", value: faultFailure("unknownOp") });
    }
  }

  #get({ key, consistency }: GetRequest, reply: (reply: Reply) => void): void {
    const fault = keyFault(key);
    if (fault !== null) return reply({ case: "failure", value: faultFailure(fault) });
    this.#reads[consistencyOf(consistency)].push({
      question: byteStringOf(key),
      sizeBytes: key.length,
      done: ({ item, revision }) => {
        const value = create(GetResponseSchema, { revision: BigInt(revision) });
        if (item !== null) value.item = itemMessage(key, item);
        reply({ case: "get", value });
      },
      failed: (value) => reply({ case: "failure", value }),
    });
  }

  #put({ key, value, serial }: PutRequest, reply: (reply: Reply) => void): void {
    const operations = [{ type: "put", key: byteStringOf(key), value } as const];
    this.#write({ conditions: [], operations }, serial, reply, ({ revision }) => ({
      case: "put",
      value: create(PutResponseSchema, { revision: BigInt(revision) }),
    }));
  }

  #delete({ key, serial }: DeleteRequest, reply: (reply: Reply) => void): void {
    const operations = [{ type: "delete", key: byteStringOf(key) } as const];
    this.#write({ conditions: [], operations }, serial, reply, (result) => ({
      case: "delete",
      value: create(DeleteResponseSchema, {
        deleted: result.status === "done" && result.results[0]?.deleted === true,
        revision: BigInt(result.revision),
      }),
    }));
  }

  #compareAndSwap(request: CompareAndSwapRequest, reply: (reply: Reply) => void): void {
    const write = casWriteOf(request);
    if (write === null) {
      const value = invalid("a CompareAndSwap needs a condition, and as its change a value or delete = true");
      return reply({ case: "failure", value });
    }
    this.#write(write, request.serial, reply, (result) => ({
      case: "compareAndSwap",
      value: casResponse(request, result),
    }));
  }

  #batch({ conditions, operations, serial }: BatchRequest, reply: (reply: Reply) => void): void {
    const write = writeOf(conditions, operations);
    this.#write(write, serial, reply, (result) => ({ case: "batch", value: batchResponse(write, result) }));
  }

  #write(
    write: Write,
    serialMessage: SerialMessage | undefined,
    reply: (reply: Reply) => void,
    answer: (result: Exclude<WriteResult, { readonly status: "refused" }>) => Reply,
  ): void {
    const serial = serialOf(serialMessage);
    const fault = serial === undefined ? "badSerial" : writeFault(write);
    if (serial === undefined || fault !== null) {
      return reply({ case: "failure", value: faultFailure(fault ?? "badSerial") });
    }
    this.#writes.push({
      question: { write, serial },
      sizeBytes: sizeOf(write),
      done: (result) =>
        reply(
          result.status === "refused"
            ? { case: "failure", value: refusalFailure(result.reason) }
            : answer(result),
        ),
      failed: (value) => reply({ case: "failure", value }),
    });
  }

  #scan(request: ScanRequest, reply: (reply: Reply) => void): void {
    const { limit, keysOnly, descending, pageToken: token } = request;
    if (limit < 0 || limit > MAX_PAGE_ITEMS) {
      const value = invalid(
        `limit is ${limit}, not from 1 to ${MAX_PAGE_ITEMS}, or 0 for ${DEFAULT_PAGE_ITEMS}`,
      );
      return reply({ case: "failure", value });
    }
    const order = { ...keysOf(request.range), isDescending: descending };
    const maxItems = limit === 0 ? DEFAULT_PAGE_ITEMS : limit;
    const consistency = consistencyOf(request.consistency);
    const { start, end, isDescending } = fromPage(order, token);
    this.#scans.push({
      question: {
        type: "scan",
        start,
        end,
        isDescending,
        maxItems,
        maxBytes: MAX_PAGE_BYTES,
        keysOnly,
        consistency,
      },
      sizeBytes: 0,
      done: ({ revision, entries, hasMore }) => {
        const last = entries.at(-1)?.key;
        const items = entries.map(({ key, item }) => itemMessage(bytesOf(key), item, keysOnly));
        const value = create(ScanResponseSchema, { items, revision: BigInt(revision) });
        if (hasMore && last !== undefined) value.nextPageToken = pageToken(order, last);
        reply({ case: "scan", value });
      },
      failed: (value) => reply({ case: "failure", value }),
    });
  }

  async #propose(writes: readonly SerialWrite[], signal: AbortSignal): Promise<readonly WriteResult[]> {
    const result = await this.propose(encodeWrites(writes), signal);
    return isWritten(result) ? result.results : [];
  }

  async #query(query: KvQuery, consistency: KvConsistency, signal: AbortSignal): Promise<unknown> {
    try {
      return await this.#node.read(query, { signal, consistency });
    } catch (error) {
      throw await this.#nextLeader.errorFor(error, signal);
    }
  }

  async #read(
    keys: readonly string[],
    consistency: KvConsistency,
    signal: AbortSignal,
  ): Promise<readonly Read[]> {
    const answer = (await this.#query({ type: "items", keys }, consistency, signal)) as KvItemsAnswer;
    return answer.items.map((item) => ({ item, revision: answer.revision }));
  }
}

/** The answer of one call as a promise. */
export function answerOf<Name extends Exclude<Reply["case"], "failure" | undefined>>(
  calls: Calls,
  call: Call & { readonly case: Name },
  context: { readonly signal: CallSignal; timeoutMs(): number | undefined },
): Promise<Extract<Reply, { readonly case: Name }>["value"]> {
  return new Promise((resolve, reject) => {
    const { signal } = context;
    const late = (): void => reject(connectError(lateFailure(call.case !== "get" && call.case !== "scan")));
    // Who has gone needs no answer, and who sets no deadline has that of the server.
    const isLimited = context.timeoutMs() !== undefined;
    if (isLimited) signal.addEventListener("abort", late);
    calls.start(call, (reply) => {
      if (isLimited) signal.removeEventListener("abort", late);
      if (reply.case === "failure") reject(connectError(reply.value));
      else resolve(reply.value as never);
    });
  });
}

/** @throws KvInvalidArgumentError: of a word that it does not know, a server must not guess which promise it was to keep. */
export function consistencyOf(consistency: Consistency): KvConsistency {
  switch (consistency) {
    case Consistency.UNSPECIFIED:
    case Consistency.LINEARIZABLE:
      return "linearizable";
    case Consistency.LEASE:
      return "lease";
    case Consistency.STALE:
      return "stale";
  }
  throw new KvInvalidArgumentError(`consistency is ${String(consistency)}, which this server does not know`);
}

function sizeOf({ conditions, operations }: Write): number {
  let bytes = 0;
  for (const part of conditions) bytes += 16 + part.key.length + ("value" in part ? part.value.length : 0);
  for (const part of operations) bytes += 16 + part.key.length + ("value" in part ? part.value.length : 0);
  return bytes;
}
