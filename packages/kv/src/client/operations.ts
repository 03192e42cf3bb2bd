import type { BatchResponse, ScanResponse } from "@eraft/proto/eraft/kv/v1";
import {
  type KvBytes,
  type KvCondition,
  type KvExpected,
  type KvOperation,
  type KvRange,
  checkWhole,
  keyBytes,
  toBatch,
  toCondition,
  toConsistency,
  toRange,
  valueBytes,
} from "./arguments.ts";
import type { KvCallOptions } from "./caller.ts";
import { KvItem } from "./item.ts";
import { BATCH, COMPARE_AND_SWAP, DELETE, GET, type KvMethod, PUT, SCAN } from "./methods.ts";
import type { KvConsistency } from "../protocol.ts";

export interface KvReadOptions extends KvCallOptions {
  /** How new the answer has to be. Default `linearizable`. */
  readonly consistency?: KvConsistency;
}

export interface KvPageOptions extends KvReadOptions {
  /** Items in a page: 1 to 10,000 (default 1,000). A page ends early at 1 MiB. */
  readonly limit?: number;
  /** Leaves the values out. */
  readonly keysOnly?: boolean;
  /** From the last key to the first. */
  readonly descending?: boolean;
  /** Where the page begins: `nextPageToken` of the one before, with all other options as they were. Default: the first page. */
  readonly pageToken?: Uint8Array;
}

export interface KvPage {
  readonly items: readonly KvItem[];
  /** Null when this was the last page. */
  readonly nextPageToken: Uint8Array | null;
  /** Of the state that was read. */
  readonly revision: number;
}

/** What was written is the state of this revision, and of every later one until it is written again. */
export interface KvWritten {
  readonly revision: number;
}

export interface KvDeleted extends KvWritten {
  /** False if there was no such key; then nothing has changed. */
  readonly deleted: boolean;
}

export interface KvSwapped extends KvWritten {
  /** False if the key was not as expected; then nothing has changed. */
  readonly swapped: boolean;
  /** The item as it is after that: what was there instead if nothing was swapped. Null if the key is not there. */
  readonly item: KvItem | null;
}

export interface KvBatchOptions extends KvCallOptions {
  /** All of them have to hold before anything is done. */
  readonly when?: readonly KvCondition[];
}

/** Of a get: the item, null if there is none. Of a delete: whether the key was there. Of a put or an append: null. */
export type KvOperationResult<O extends KvOperation> = O["op"] extends "get"
  ? KvItem | null
  : O["op"] extends "delete"
    ? boolean
    : O["op"] extends "put" | "append"
      ? null
      : KvItem | boolean | null;

export type KvBatchResult<Ops extends readonly KvOperation[]> =
  | {
      readonly done: true;
      readonly revision: number;
      /** One for each operation, in order. */
      readonly results: { readonly [I in keyof Ops]: KvOperationResult<Ops[I]> };
    }
  /** Nothing was done, as `when[failedCondition]` did not hold: the first one that did not. */
  | { readonly done: false; readonly revision: number; readonly failedCondition: number };

/**
 * Reads and writes, however they are sent. Each resolves once it is done, which of a write means: replicated, and applied. Each rejects with a `KvCallError` whose
 * `outcome` tells whether it may have been done all the same, or with a `KvInvalidArgumentError`, and then nothing was sent.
 */
export abstract class KvOperations {
  /** The item at `key`, null if there is none. */
  async get(key: KvBytes, options: KvReadOptions = {}): Promise<KvItem | null> {
    const request = { key: keyBytes(key), consistency: toConsistency(options.consistency ?? "linearizable") };
    const { item } = await this.perform(GET, request, options);
    return item === undefined ? null : new KvItem(item);
  }

  /** Sets the value of `key`. */
  async put(key: KvBytes, value: KvBytes, options: KvCallOptions = {}): Promise<KvWritten> {
    const request = { key: keyBytes(key), value: valueBytes(value) };
    const { revision } = await this.perform(PUT, request, options);
    return { revision: Number(revision) };
  }

  /** Adds `value` to the end of the value of `key`, or sets it if there is none. */
  async append(key: KvBytes, value: KvBytes, options: KvCallOptions = {}): Promise<KvWritten> {
    const request = toBatch([], [{ op: "append", key, value }]);
    const { revision } = await this.perform(BATCH, request, options);
    return { revision: Number(revision) };
  }

  /** Removes `key` and its value. */
  async delete(key: KvBytes, options: KvCallOptions = {}): Promise<KvDeleted> {
    const { deleted, revision } = await this.perform(DELETE, { key: keyBytes(key) }, options);
    return { deleted, revision: Number(revision) };
  }

  /** Sets the value of `key` if it is as expected. @param value null deletes the key */
  async compareAndSwap(
    key: KvBytes,
    expected: KvExpected,
    value: KvBytes | null,
    options: KvCallOptions = {},
  ): Promise<KvSwapped> {
    const condition = toCondition(key, expected);
    const change =
      value === null
        ? ({ case: "delete", value: true } as const)
        : ({ case: "value", value: valueBytes(value) } as const);
    const answer = await this.perform(COMPARE_AND_SWAP, { condition, change }, options);
    const { swapped, revision, item } = answer;
    return { swapped, revision: Number(revision), item: item === undefined ? null : new KvItem(item) };
  }

  /**
   * Does all of the operations, in order and with nothing in between, if all conditions hold; otherwise none. Each sees what those before it did. At most 128 operations and
   * conditions, with keys and values of together about 2 MiB.
   */
  async batch<const Ops extends readonly KvOperation[]>(
    operations: Ops,
    options: KvBatchOptions = {},
  ): Promise<KvBatchResult<Ops>> {
    const answer = await this.perform(BATCH, toBatch(options.when ?? [], operations), options);
    return batchResult(answer, operations);
  }

  /** One page of a range, in ascending order of the bytes of the keys. */
  async scanPage(range: KvRange, options: KvPageOptions = {}): Promise<KvPage> {
    const { limit = 0, keysOnly = false, descending = false, pageToken = new Uint8Array() } = options;
    if (options.limit !== undefined) checkWhole("limit", options.limit, 1, 10_000);
    const consistency = toConsistency(options.consistency ?? "linearizable");
    const request = { range: toRange(range), limit, keysOnly, descending, consistency, pageToken };
    return pageOf(await this.perform(SCAN, request, options));
  }

  protected abstract perform<Q extends object, A>(
    method: KvMethod<Q, A>,
    request: Q,
    options: KvReadOptions,
  ): Promise<A>;
}

function batchResult<const Ops extends readonly KvOperation[]>(
  answer: BatchResponse,
  operations: Ops,
): KvBatchResult<Ops> {
  const revision = Number(answer.revision);
  if (!answer.done) return { done: false, revision, failedCondition: answer.failedCondition ?? 0 };
  const results = operations.map(({ op }, at) => {
    const result = answer.results[at];
    if (op === "get") return result?.item === undefined ? null : new KvItem(result.item);
    return op === "delete" ? (result?.deleted ?? false) : null;
  });
  return { done: true, revision, results: results as never };
}

function pageOf({ items, nextPageToken, revision }: ScanResponse): KvPage {
  return {
    items: items.map((item) => new KvItem(item)),
    nextPageToken: nextPageToken.length === 0 ? null : nextPageToken,
    revision: Number(revision),
  };
}
