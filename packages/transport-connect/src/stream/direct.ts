import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { serveOver } from "./connect-pipes.ts";
import type { AcceptPipe } from "./pipe.ts";

/** A streaming method as a server may serve it without Connect's adapter in between; see `node/server-pipe.ts`. */
export interface DirectRoute<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> {
  readonly method: DescMethodBiDiStreaming<I, O>;
  readonly accept: AcceptPipe<MessageShape<I>, MessageShape<O>>;
  readonly readMaxBytes: number;
}

type Handler = ConnectRouter["handlers"][number];

/** By their handlers, which every router has in common; whoever does not look here serves them through Connect, and all is well, too. */
const routes = new WeakMap<Handler, DirectRoute>();

/** Registers a streaming method for both. */
export function registerPipe<I extends DescMessage, O extends DescMessage>(
  router: ConnectRouter,
  route: DirectRoute<I, O>,
): void {
  const { accept, method, readMaxBytes } = route;
  const serve = (requests: AsyncIterable<MessageShape<I>>, { signal }: { readonly signal: AbortSignal }) =>
    serveOver(requests, signal, accept);
  router.rpc(method, serve as never, { readMaxBytes, acceptCompression: [] });
  const handler = router.handlers.at(-1);
  if (handler !== undefined) routes.set(handler, route);
}

export function directRouteOf(handler: Handler): DirectRoute | undefined {
  return routes.get(handler);
}

/** `handler` is served as `original` is. */
export function sameRoute(handler: Handler, original: Handler): void {
  const route = routes.get(original);
  if (route !== undefined) routes.set(handler, route);
}
