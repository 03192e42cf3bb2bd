import { create } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Clock } from "@eraft/core";
import {
  type BatchRequest,
  type BatchResponse,
  type CompareAndSwapRequest,
  type CompareAndSwapResponse,
  type DeleteRequest,
  type DeleteResponse,
  type GetRequest,
  type GetResponse,
  KvService,
  type OpenSessionResponse,
  OpenSessionResponseSchema,
  type PutRequest,
  type PutResponse,
  type ScanRequest,
  type ScanResponse,
  type StreamRequest,
  type StreamResponse,
  type WatchRequest,
  type WatchResponse,
} from "@eraft/proto/eraft/kv/v1";
import { MAX_TIMER_MS, systemClock } from "../clock.ts";
import { KvInvalidArgumentError } from "../errors.ts";
import { encodeOpenSession } from "../state/logged-writes.ts";
import type { ChangeSource } from "../state/state-machine.ts";
import { Calls, answerOf } from "./calls.ts";
import { End } from "./end.ts";
import { TimeLimitError, connectError, failureOf } from "./failure.ts";
import type { KvNode } from "./node.ts";
import { Stream } from "./stream.ts";
import type { CallSignal } from "./time-limits.ts";
import { type NextTurn, nextTurn } from "./turns.ts";
import { Watches } from "./watch.ts";

export interface KvV1Options {
  /** Time after which a call is answered with TIMEOUT, in milliseconds (default 5,000). */
  readonly timeLimitMs?: number;
  /** A watch without changes says that it is still there after this time, in milliseconds (default 5,000). */
  readonly progressMs?: number;
  /** Calls that may wait at a time, of all callers together, before more are refused as BUSY (default 100,000). */
  readonly maxWaiting?: number;
  /** Time; for tests and simulations. */
  readonly clock?: Clock;
  /** When calls that came together are done together; for simulations. The default is after the events that the event loop has at hand. */
  readonly nextTurn?: NextTurn;
}

/** What a call needs to know of its caller; Connect's `HandlerContext` has it. */
export interface KvV1CallContext {
  readonly signal: CallSignal;
  /** Milliseconds until the caller's deadline; undefined without one. */
  timeoutMs(): number | undefined;
}

/** The same of a stream. */
export type KvV1Context = Pick<HandlerContext, "signal" | "timeoutMs">;

/** `eraft.kv.v1.KvService` as functions, for a server that does not use Connect's router. */
export interface KvV1Service {
  get(request: GetRequest, context: KvV1CallContext): Promise<GetResponse>;
  put(request: PutRequest, context: KvV1CallContext): Promise<PutResponse>;
  delete(request: DeleteRequest, context: KvV1CallContext): Promise<DeleteResponse>;
  compareAndSwap(request: CompareAndSwapRequest, context: KvV1CallContext): Promise<CompareAndSwapResponse>;
  scan(request: ScanRequest, context: KvV1CallContext): Promise<ScanResponse>;
  batch(request: BatchRequest, context: KvV1CallContext): Promise<BatchResponse>;
  openSession(): Promise<OpenSessionResponse>;
  watch(request: WatchRequest, context: KvV1Context): AsyncGenerator<WatchResponse, void, undefined>;
  stream(
    requests: AsyncIterable<StreamRequest>,
    context: KvV1Context,
  ): AsyncGenerator<StreamResponse, void, undefined>;
  /**
   * Ends watches and streams with NOT_SERVING: they would never end by themselves. The end of the node does it, too; a server that lets its calls finish before it
   * stops its node has to say so before.
   */
  end(): void;
}

/**
 * Serves `eraft.kv.v1.KvService` from `node`, whose state machine is `source`: for example `connectNodeAdapter({ routes: kvV1Routes(node, stateMachine) })`.
 *
 * An error has a `Failure` among its details, which says why and what to do next. What is wrong with a request is found before anything is proposed.
 */
export function kvV1Routes(
  node: KvNode,
  source: ChangeSource,
  options: KvV1Options = {},
): (router: ConnectRouter) => void {
  const service = kvV1Service(node, source, options);
  return (router) => {
    router.service(
      KvService,
      kvV1Methods(() => service),
    );
  };
}

/**
 * The methods for a router. `service` is asked for with each call, and may throw while there is none; `track` sees the calls with one answer, for a server that
 * lets them finish before it stops.
 */
export function kvV1Methods(
  service: () => KvV1Service,
  track: <T>(call: Promise<T>) => Promise<T> = (call) => call,
): ServiceImpl<typeof KvService> {
  return {
    get: (request, context) => track(service().get(request, context)),
    put: (request, context) => track(service().put(request, context)),
    delete: (request, context) => track(service().delete(request, context)),
    compareAndSwap: (request, context) => track(service().compareAndSwap(request, context)),
    scan: (request, context) => track(service().scan(request, context)),
    batch: (request, context) => track(service().batch(request, context)),
    openSession: () => track(service().openSession()),
    watch: (request, context) => service().watch(request, context),
    stream: (requests, context) => service().stream(requests, context),
  };
}

/** The functions behind {@link kvV1Routes}. */
export function kvV1Service(node: KvNode, source: ChangeSource, options: KvV1Options = {}): KvV1Service {
  const settings = checkOptions(options);
  const end = new End();
  const calls = new Calls(node, settings);
  const watches = new Watches(node, source, end, settings);
  node.on?.("failure", () => end.come());
  node.on?.("stopped", () => end.come());
  return {
    get: (value, context) => answerOf(calls, { case: "get", value }, context),
    put: (value, context) => answerOf(calls, { case: "put", value }, context),
    delete: (value, context) => answerOf(calls, { case: "delete", value }, context),
    compareAndSwap: (value, context) => answerOf(calls, { case: "compareAndSwap", value }, context),
    scan: (value, context) => answerOf(calls, { case: "scan", value }, context),
    batch: (value, context) => answerOf(calls, { case: "batch", value }, context),
    openSession: () => openSession(calls, settings),
    watch: (request, { signal }) => watches.watch(request, signal),
    stream: (requests, { signal }) => new Stream(calls, end).serve(requests, signal),
    end: () => end.come(),
  };
}

/** The id is the place of the entry in the log: no two sessions have the same. */
async function openSession(calls: Calls, { clock, timeLimitMs }: Settings): Promise<OpenSessionResponse> {
  const controller = new AbortController();
  const cancel = clock.after(timeLimitMs, () => controller.abort(new TimeLimitError()));
  try {
    const result = await calls.propose(encodeOpenSession(), controller.signal);
    return create(OpenSessionResponseSchema, { sessionId: BigInt(sessionIdOf(result)) });
  } catch (error) {
    throw connectError(failureOf(error));
  } finally {
    cancel();
  }
}

function sessionIdOf(result: unknown): number {
  if (typeof result === "object" && result !== null && "sessionId" in result) return Number(result.sessionId);
  throw new Error("the node's state machine is not a key-value store");
}

interface Settings {
  readonly timeLimitMs: number;
  readonly progressMs: number;
  readonly maxWaiting: number;
  readonly clock: Clock;
  readonly nextTurn: NextTurn;
}

function checkOptions(options: KvV1Options): Settings {
  const { timeLimitMs = 5000, progressMs = 5000, maxWaiting = 100_000 } = options;
  for (const [name, ms] of Object.entries({ timeLimitMs, progressMs })) {
    if (!(ms > 0 && ms <= MAX_TIMER_MS)) {
      throw new KvInvalidArgumentError(`${name} is ${ms}, not above 0 and below 2^31`);
    }
  }
  if (!(Number.isSafeInteger(maxWaiting) && maxWaiting > 0)) {
    throw new KvInvalidArgumentError(`maxWaiting is ${maxWaiting}, not a whole number above 0`);
  }
  const { clock = systemClock, nextTurn: turn = nextTurn } = options;
  return { timeLimitMs, progressMs, maxWaiting, clock, nextTurn: turn };
}
