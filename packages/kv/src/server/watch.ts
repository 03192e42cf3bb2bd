import { create } from "@bufbuild/protobuf";
import type { Clock } from "@eraft/core";
import {
  type Change as ChangeMessage,
  ChangeSchema,
  ItemSchema,
  Reason,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from "@eraft/proto/eraft/kv/v1";
import { KvInvalidArgumentError } from "../errors.ts";
import { bytesOf } from "../state/byte-string.ts";
import { type HistoryView, bytesIn } from "../state/history.ts";
import type { Change } from "../state/items.ts";
import type { ChangeSource } from "../state/state-machine.ts";
import type { End } from "./end.ts";
import { connectError, failure, failureOf, stoppingFailure } from "./failure.ts";
import { type Keys, isWithin, keysOf } from "./key-range.ts";
import { itemMessage } from "./messages.ts";
import type { KvNode } from "./node.ts";
import { Signal } from "./signal.ts";
import { Progress } from "./progress.ts";
import type { NextTurn } from "./turns.ts";

/** A response ends after the revision that makes it larger. */
const RESPONSE_BYTES: number = 256 << 10;
/** Revisions that are looked at before others may do something. */
const TURN_REVISIONS = 4096;

export interface WatchOptions {
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
  readonly timeLimitMs: number;
  /** A watch without changes says that it is still there after this time, in milliseconds. */
  readonly progressMs: number;
}

/**
 * Serves watches from the history of the state machine, at whatever pace their callers take them. There is no queue for each: a caller who is slow is as far behind
 * as it likes, until the history does not reach back to it any more. So ten thousand watches take no more memory than their range and a number.
 */
export class Watches {
  readonly #node: KvNode;
  readonly #source: ChangeSource;
  readonly #end: End;
  readonly #options: WatchOptions;

  constructor(node: KvNode, source: ChangeSource, end: End, options: WatchOptions) {
    this.#node = node;
    this.#source = source;
    this.#end = end;
    this.#options = options;
  }

  /**
   * All changes of a range, for as long as they are asked for and `signal` is not aborted. Begins once this server's state is as new as everything that was done
   * before the call, so it does not matter which server is asked.
   */
  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchResponse, void, undefined> {
    const { keys, from } = await this.#begin(request);
    const signals = new Signal();
    const tell = (): void => signals.tell();
    const { clock, progressMs } = this.#options;
    const progress = new Progress(clock, progressMs, tell);
    const letGo = [this.#end.listen(tell), this.#source.onChange(tell), () => progress.stop()];
    // Not only at the end: a caller that has gone takes no more, and nobody resumes what has just given something.
    const end = (): void => {
      for (const one of letGo.splice(0)) one();
      tell();
    };
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    try {
      yield* this.#follow({ keys, from, signals, progress, signal });
    } finally {
      signal.removeEventListener("abort", end);
      end();
    }
  }

  async #begin(request: WatchRequest): Promise<{ readonly keys: Keys; readonly from: number }> {
    try {
      const keys = keysOf(request.range);
      const from = Number(request.fromRevision);
      if (!(Number.isSafeInteger(from) && from >= 0)) {
        throw new KvInvalidArgumentError(`from_revision is ${request.fromRevision}, not from 0 to 2^53 - 1`);
      }
      await this.#barrier();
      const { firstRevision, revision } = this.#source.history;
      if (from > revision + 1) {
        const message = `the watch is to begin with revision ${from}, and the newest is ${revision}`;
        throw connectError(failure(Reason.FUTURE_REVISION, message));
      }
      if (from > 0 && from < firstRevision) {
        const message = `the changes of revision ${from} are not kept any more: read the range, and watch from there`;
        throw connectError(failure(Reason.COMPACTED, message, { firstRevision }));
      }
      return { keys, from: from === 0 ? revision + 1 : from };
    } catch (error) {
      throw error instanceof Error && error.name === "ConnectError" ? error : connectError(failureOf(error));
    }
  }

  /** Resolves when this server's state is as new as everything that was done before. */
  async #barrier(): Promise<void> {
    const { clock, timeLimitMs } = this.#options;
    const controller = new AbortController();
    const late = failure(Reason.TIMEOUT, "no answer in time");
    const cancel = clock.after(timeLimitMs, () => controller.abort(connectError(late)));
    try {
      await this.#node.read({ type: "revision" }, { signal: controller.signal, consistency: "linearizable" });
    } finally {
      cancel();
    }
  }

  async *#follow({
    keys,
    from,
    signals,
    progress,
    signal,
  }: Watched): AsyncGenerator<WatchResponse, void, undefined> {
    let next = from;
    for (;;) {
      if (signal.aborted) return;
      if (this.#end.hasCome) throw connectError(stoppingFailure());
      const { history } = this.#source;
      if (next < history.firstRevision) {
        const message = `the changes from revision ${next} on were not taken as long as they were kept`;
        throw connectError(failure(Reason.TOO_SLOW, message, { firstRevision: history.firstRevision }));
      }
      const part = read(history, keys, next);
      const hasMore = part.next <= history.revision;
      next = part.next;
      if (part.changes.length > 0 || (progress.isDue && !hasMore)) {
        yield create(WatchResponseSchema, { changes: part.changes, revision: BigInt(next - 1) });
        progress.made();
      }
      await (hasMore ? this.#turn() : signals.told());
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#options.nextTurn(resolve));
  }
}

interface Watched {
  readonly keys: Keys;
  /** The first revision that has not been told. */
  readonly from: number;
  readonly signals: Signal;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The changes from revision `next` on, as many as fit one response, and the revision after those that were looked at. */
function read(
  history: HistoryView,
  keys: Keys,
  from: number,
): { readonly changes: ChangeMessage[]; readonly next: number } {
  const changes: ChangeMessage[] = [];
  let bytes = 0;
  let next = from;
  const end = Math.min(history.revision, from + TURN_REVISIONS - 1);
  while (next <= end && bytes < RESPONSE_BYTES) {
    const inRange = (history.changesOf(next) ?? []).filter(({ key }) => isWithin(keys, key));
    for (const change of inRange) changes.push(changeMessage(change, next));
    bytes += bytesIn(inRange);
    next += 1;
  }
  return { changes, next };
}

function changeMessage({ key, item }: Change, revision: number): ChangeMessage {
  return create(ChangeSchema, {
    change:
      item === null
        ? { case: "delete", value: create(ItemSchema, { key: bytesOf(key), modRevision: BigInt(revision) }) }
        : { case: "put", value: itemMessage(bytesOf(key), item) },
  });
}
