import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";

type Handler = ConnectRouter["handlers"][number];

/**
 * Connect answers a request that is not valid protobuf with INTERNAL, as if this server were at fault, and offers no place to change
 * that before the trailers. This wraps the handlers that `register` adds so that gRPC callers get INVALID_ARGUMENT.
 */
export function registerStrict(router: ConnectRouter, register: (router: ConnectRouter) => void): void {
  const first = router.handlers.length;
  register(router);
  for (let i = first; i < router.handlers.length; i += 1) {
    const handler = router.handlers[i];
    if (handler !== undefined) router.handlers[i] = strict(handler);
  }
}

function strict(handler: Handler): Handler {
  const { protocolNames, service, method, requestPath, allowedMethods, supportedContentType } = handler;
  return Object.assign(
    async (request: Parameters<Handler>[0]) => {
      const response = await handler(request);
      const trailer = response.trailer;
      if (
        trailer?.get("grpc-status") === String(Code.Internal) &&
        trailer.get("grpc-message")?.startsWith(PARSE_FAILURE) === true
      ) {
        trailer.set("grpc-status", String(Code.InvalidArgument));
      }
      return response;
    },
    { protocolNames, service, method, requestPath, allowedMethods, supportedContentType },
  );
}

/** How the message of Connect's own error begins, in the encoding of the trailer. */
const PARSE_FAILURE = encodeURIComponent("parse binary: ");
