import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";

/** The part of an `AbortSignal` that says that nobody waits for the answer of a call any more. */
export interface CallSignal {
  readonly aborted: boolean;
  /** A ConnectError: DEADLINE_EXCEEDED, or CANCELED when the caller has left. */
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** What a handler may know of its call, and say besides its answer: as in Connect's `HandlerContext`. */
export interface UnaryContext {
  readonly signal: CallSignal;
  /** Milliseconds until the deadline that the caller has set; undefined without one. */
  timeoutMs(): number | undefined;
  readonly requestHeader: Headers;
  /** One of these, without making all of them: undefined if it is not there. Only calls that bypass Connect's adapter have it. */
  requestHeaderValue?(name: string): string | undefined;
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
}

/** Answers a call, or throws, or rejects with, a ConnectError. Anything else that it throws is INTERNAL, and its text stays here. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  context: UnaryContext,
) => MessageInitShape<O> | Promise<MessageInitShape<O>>;

/**
 * Answers a call from the bytes of its request, with those of the answer: for methods of which there are so many calls that making messages of them would be most of the
 * work. Null for a request that it would rather have as a message. Must do exactly what the handler does. The bytes do not change, but may be part of something larger:
 * who keeps them copies them.
 */
export type UnaryBytesHandler = (
  request: Uint8Array,
  context: UnaryContext,
) => Uint8Array | Promise<Uint8Array> | null;

/** A unary method as a server may serve it without Connect's adapter in between; see `node/unary`. */
export interface UnaryRoute<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> {
  readonly method: DescMethodUnary<I, O>;
  readonly handle: UnaryHandler<I, O>;
  /** Is asked before `handle`; null without one. */
  readonly handleBytes: UnaryBytesHandler | null;
  /** Null for the limit of the server. */
  readonly readMaxBytes: number | null;
}

export interface UnaryOptions {
  /** Bytes of a request; above it the answer is RESOURCE_EXHAUSTED. Default: the limit of the server. */
  readonly readMaxBytes?: number;
  /** Where `serve` finds the call worth it; Connect's adapter never asks it. */
  readonly handleBytes?: UnaryBytesHandler;
}

type Handler = ConnectRouter["handlers"][number];

/** By their handlers, as those of streams in `stream/direct.ts`. */
const routes = new WeakMap<Handler, UnaryRoute>();

/**
 * Registers a unary method for Connect and for `serve`, which answers plain gRPC calls of it several times as fast without Connect. The two do not
 * differ in anything that a caller could see. Requests own their bytes.
 */
export function registerUnary<I extends DescMessage, O extends DescMessage>(
  router: ConnectRouter,
  method: DescMethodUnary<I, O>,
  handle: UnaryHandler<I, O>,
  { readMaxBytes, handleBytes }: UnaryOptions = {},
): void {
  router.rpc(method, handle, {
    ...(readMaxBytes === undefined ? {} : { readMaxBytes }),
    acceptCompression: [],
  });
  const handler = router.handlers.at(-1);
  if (handler === undefined) return;
  const route: UnaryRoute<I, O> = {
    method,
    handle,
    handleBytes: handleBytes ?? null,
    readMaxBytes: readMaxBytes ?? null,
  };
  routes.set(handler, route);
}

export function unaryRouteOf(handler: Handler): UnaryRoute | undefined {
  return routes.get(handler);
}

/** `handler` is served as `original` is. */
export function sameUnaryRoute(handler: Handler, original: Handler): void {
  const route = routes.get(original);
  if (route !== undefined) routes.set(handler, route);
}
