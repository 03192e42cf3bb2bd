import { Code } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import { sameUnaryRoute } from "../direct/unary.ts";
import { sameRoute } from "../stream/direct.ts";
import { corrected } from "./strict-answers.ts";
import type { Answer } from "./strict-answers.ts";

type Handler = ConnectRouter["handlers"][number];

/**
 * Connect answers a request that is not valid protobuf with INTERNAL, as if this server were at fault, and offers no place to change
 * that before the answer. This wraps the handlers that `register` adds so that callers get INVALID_ARGUMENT in all protocols, and so that
 * every caller gets an answer.
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
  const wrapped = Object.assign(
    async (request: Parameters<Handler>[0]) => {
      const answer = await answered(handler, request);
      return corrected(answer, request.header.get("content-type") ?? "");
    },
    { protocolNames, service, method, requestPath, allowedMethods, supportedContentType },
  );
  sameRoute(wrapped, handler);
  sameUnaryRoute(wrapped, handler);
  return wrapped;
}

/**
 * A handler that rejects is never answered by Connect's adapter for Node: the caller waits for its deadline, and an open stream stays behind. It
 * can be made to: bytes that are no JSON are quoted in the error, a quotation that is cut within a character outside the Basic Multilingual
 * Plane ends with half a surrogate pair, and encodeURIComponent throws when it is to put that into the trailer.
 */
async function answered(handler: Handler, request: Parameters<Handler>[0]): Promise<Answer> {
  try {
    return await handler(request);
  } catch (reason) {
    if (request.signal.aborted) throw reason;
    return fault(request.header.get("content-type") ?? "", reason instanceof URIError);
  }
}

function fault(contentType: string, isMalformed: boolean): Answer {
  if (!contentType.startsWith("application/grpc") || contentType.startsWith("application/grpc-web")) {
    return { status: isMalformed ? 400 : 500 };
  }
  const code = isMalformed ? Code.InvalidArgument : Code.Internal;
  const trailer = new Headers({ "grpc-status": String(code), "grpc-message": FAULT });
  return { status: 200, header: new Headers({ "content-type": contentType }), trailer };
}

const FAULT = encodeURIComponent("the request could not be read");
