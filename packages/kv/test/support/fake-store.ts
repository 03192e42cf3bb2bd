import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import {
  type BatchRequest,
  type BatchResponse,
  BatchResponseSchema,
  type Change,
  ChangeSchema,
  type Condition,
  type Failure,
  FailureSchema,
  type Item,
  ItemSchema,
  type KeyRange,
  type KvService,
  type Operation,
  type OperationResult,
  OperationResultSchema,
  Reason,
  type ScanRequest,
  type Serial,
  type StreamCall,
  type StreamReply,
  StreamReplySchema,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "@eraft/proto/eraft/kv/v1";

const PAGE = 1000;

/** The error that a server answers with. */
export function failure(reason: Reason, details: Partial<Omit<Failure, "$typeName">> = {}): ConnectError {
  const message = details.message ?? `scripted: reason ${reason}`;
  const value = { ...details, reason, message };
  return new ConnectError(message, Code.Aborted, undefined, [{ desc: FailureSchema, value }]);
}

interface Session {
  readonly answers: Map<bigint, BatchResponse>;
  firstUnanswered: bigint;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** `eraft.kv.v1` as the contract has it, in the plainest way: one server that is never wrong. For what clients make of it. */
export class FakeStore {
  revision = 0n;
  /** The first revision whose changes are still kept. */
  firstRevision = 1n;
  readonly items: Map<string, Item> = new Map();
  readonly log: { readonly revision: bigint; readonly changes: readonly Change[] }[] = [];
  readonly sessions: Map<bigint, Session> = new Map();
  /** Serials of writes that were done, in order; those that were recognised are not among them. */
  readonly done: string[] = [];
  readonly #listeners = new Set<() => void>();
  #nextSession = 1n;

  /** The methods as a server that is `shown` only a part of the revisions has them. */
  service(shown: () => bigint = () => this.revision): ServiceImpl<typeof KvService> {
    return {
      get: ({ key }) => {
        const item = this.items.get(hex(key));
        return { ...(item === undefined ? {} : { item }), revision: this.revision };
      },
      put: ({ key, value, serial }) => {
        const { revision } = this.write([], [{ case: "put", value: { key, value } }], serial);
        return { revision };
      },
      delete: ({ key, serial }) => {
        const { revision, results } = this.write([], [{ case: "delete", value: { key } }], serial);
        return { revision, deleted: results[0]?.deleted ?? false };
      },
      compareAndSwap: ({ condition, change, serial }) => {
        if (condition === undefined || change.case === undefined) throw failure(Reason.INVALID);
        const { key } = condition;
        const { revision, done } = this.write(
          [condition],
          [
            change.case === "delete"
              ? { case: "delete", value: { key } }
              : { case: "put", value: { key, value: change.value } },
          ],
          serial,
        );
        const item = this.items.get(hex(key));
        return { swapped: done, revision, ...(item === undefined ? {} : { item }) };
      },
      scan: (request) => this.#scan(request),
      batch: (request) => this.batch(request),
      watch: (request, context) => this.watch(request, shown, context.signal),
      openSession: () => {
        const sessionId = this.#nextSession;
        this.#nextSession += 1n;
        this.sessions.set(sessionId, { answers: new Map(), firstUnanswered: 1n });
        return { sessionId };
      },
      stream: (requests) => this.stream(requests),
    };
  }

  write(
    conditions: readonly Condition[],
    operations: readonly { readonly case: string; readonly value: object }[],
    serial: Serial | undefined,
  ): BatchResponse {
    const wrapped = operations.map((operation) => ({ operation }) as unknown as Operation);
    return this.batch({ conditions, operations: wrapped, serial } as unknown as BatchRequest);
  }

  batch({ conditions, operations, serial }: BatchRequest): BatchResponse {
    if (serial === undefined) return this.#apply(conditions, operations);
    const session = this.sessions.get(serial.sessionId);
    if (session === undefined) throw failure(Reason.SESSION_EXPIRED, { outcomeUnknown: true });
    const earlier = session.answers.get(serial.sequence);
    if (earlier !== undefined) return earlier;
    if (serial.firstUnanswered > session.firstUnanswered) session.firstUnanswered = serial.firstUnanswered;
    const isOut =
      serial.sequence < session.firstUnanswered || serial.sequence >= session.firstUnanswered + 1024n;
    if (isOut) throw failure(Reason.SEQUENCE_OUT_OF_WINDOW);
    this.done.push(`${serial.sessionId}/${serial.sequence}`);
    const answer = this.#apply(conditions, operations);
    session.answers.set(serial.sequence, answer);
    return answer;
  }

  compact(firstRevision: bigint): void {
    this.firstRevision = firstRevision;
  }

  /** What happened with this store that watches may have to tell. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async *watch(
    { range, fromRevision }: WatchRequest,
    shown: () => bigint,
    signal: AbortSignal,
  ): AsyncGenerator<WatchResponse> {
    let next = fromRevision === 0n ? shown() + 1n : fromRevision;
    if (next < this.firstRevision) {
      throw failure(Reason.COMPACTED, { firstRevision: this.firstRevision });
    }
    if (next > shown() + 1n) throw failure(Reason.FUTURE_REVISION);
    let isFirst = true;
    for (;;) {
      const upTo = shown();
      if (isFirst || upTo >= next) {
        const entries = this.log.filter(({ revision }) => revision >= next && revision <= upTo);
        next = upTo + 1n;
        isFirst = false;
        // One response for each revision, so that a watch can break between any two.
        for (const { revision, changes } of entries) {
          const within = changes.filter(({ change }) =>
            isWithin(change.value?.key ?? new Uint8Array(), range),
          );
          yield create(WatchResponseSchema, { revision, changes: within });
        }
        if (entries.length === 0) yield create(WatchResponseSchema, { revision: upTo });
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      this.#listeners.delete(resolve);
      if (signal.aborted) return;
    }
  }

  #apply(conditions: readonly Condition[], operations: readonly Operation[]): BatchResponse {
    const failed = conditions.findIndex((condition) => !this.#holds(condition));
    if (failed !== -1) {
      return create(BatchResponseSchema, { done: false, revision: this.revision, failedCondition: failed });
    }
    const revision = this.revision + 1n;
    const changes = new Map<string, Change>();
    const results = operations.map((operation) => this.#do(operation, revision, changes));
    if (changes.size > 0) {
      this.revision = revision;
      this.log.push({ revision, changes: [...changes.values()] });
      this.changed();
    }
    return create(BatchResponseSchema, { done: true, revision: this.revision, results });
  }

  #holds({ key, expected }: Condition): boolean {
    const item = this.items.get(hex(key));
    switch (expected.case) {
      case "exists":
        return (item !== undefined) === expected.value;
      case "value":
        return item !== undefined && hex(item.value) === hex(expected.value);
      case "modRevision":
        return item?.modRevision === expected.value;
      case undefined:
        throw failure(Reason.INVALID);
    }
  }

  #do({ operation }: Operation, revision: bigint, changes: Map<string, Change>): OperationResult {
    if (operation.case === undefined) throw failure(Reason.INVALID);
    const { key } = operation.value;
    const at = hex(key);
    const before = this.items.get(at);
    switch (operation.case) {
      case "get":
        return create(OperationResultSchema, before === undefined ? {} : { item: before });
      case "delete": {
        if (before === undefined) return create(OperationResultSchema);
        this.items.delete(at);
        const gone = create(ItemSchema, { key, modRevision: revision });
        changes.set(at, create(ChangeSchema, { change: { case: "delete", value: gone } }));
        return create(OperationResultSchema, { deleted: true });
      }
      case "put":
      case "append": {
        const { value: added } = operation.value;
        const value =
          operation.case === "append" && before !== undefined ? Buffer.concat([before.value, added]) : added;
        const createRevision = before?.createRevision ?? revision;
        const item = create(ItemSchema, { key, value, createRevision, modRevision: revision });
        this.items.set(at, item);
        changes.set(at, create(ChangeSchema, { change: { case: "put", value: item } }));
        return create(OperationResultSchema);
      }
    }
  }

  #scan({ range, limit, keysOnly, descending, pageToken }: ScanRequest): {
    items: Item[];
    nextPageToken: Uint8Array;
    revision: bigint;
  } {
    const keys = [...this.items.keys()].filter((key) => isWithin(Buffer.from(key, "hex"), range)).toSorted();
    if (descending) keys.reverse();
    const from = pageToken.length === 0 ? 0 : keys.indexOf(hex(pageToken));
    const page = keys.slice(from, from + (limit || PAGE));
    const next = keys[from + page.length];
    const items = page.map((key) => {
      const item = this.items.get(key) as Item;
      return keysOnly ? create(ItemSchema, { ...item, value: new Uint8Array() }) : item;
    });
    const nextPageToken = next === undefined ? new Uint8Array() : Buffer.from(next, "hex");
    return { items, nextPageToken, revision: this.revision };
  }

  async *stream(
    requests: AsyncIterable<{ calls: StreamCall[] }>,
  ): AsyncGenerator<{ replies: StreamReply[] }> {
    for await (const { calls } of requests) yield { replies: calls.map((call) => this.answer(call)) };
  }

  /** What a stream answers to a call. */
  answer({ callId, call }: StreamCall): StreamReply {
    const methods = this.service() as unknown as Record<string, (request: unknown) => unknown>;
    try {
      if (call.case === undefined) throw failure(Reason.INVALID);
      const value = methods[call.case]?.(call.value);
      return create(StreamReplySchema, { callId, reply: { case: call.case, value } as never });
    } catch (error) {
      const [detail] = ConnectError.from(error).findDetails(FailureSchema);
      if (detail === undefined) throw error;
      return create(StreamReplySchema, { callId, reply: { case: "failure", value: detail } });
    }
  }
}

function isWithin(key: Uint8Array, range: KeyRange | undefined): boolean {
  if (range === undefined) return true;
  const at = hex(key);
  if (range.prefix.length > 0) return at.startsWith(hex(range.prefix));
  return at >= hex(range.start) && (range.end.length === 0 || at < hex(range.end));
}
