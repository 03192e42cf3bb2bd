import type { Socket } from "node:net";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { Http2Server } from "@eraft/http2";
import type { RequestHead, ServerStream, StreamListener } from "@eraft/http2";
import type { DirectRoute } from "../../stream/direct.ts";
import type { UnaryRoute } from "../../direct/unary.ts";
import type { Routes } from "../handler.ts";
import { isGrpc, isGrpcProto, UNKNOWN_METHOD } from "../handler.ts";
import type { Http2Engine } from "../http2-engine.ts";
import type { ServerLimits } from "../limits.ts";
import { Deadlines } from "../unary/deadlines.ts";
import { UnaryRoutes } from "../unary/unary-routes.ts";
import { EnginePipe } from "./engine-pipe.ts";
import { EngineUnaryCall } from "./engine-unary-call.ts";
import type { EngineCallHost } from "./engine-unary-call.ts";
import { headOf } from "./header-lists.ts";
import { PlainCall } from "./plain-call.ts";
import { RpcCall } from "./rpc-call.ts";

/** Serves one request. */
type Serve = (stream: ServerStream, head: RequestHead) => StreamListener;

const MIB = 1024 * 1024;
const NOBODY: StreamListener = { data() {}, end() {}, closed() {} };

/** Serves HTTP/2 with the project's own `@eraft/http2`. */
export class Engine implements Http2Engine, EngineCallHost {
  readonly deadlines: Deadlines = new Deadlines();
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  readonly requestTimeoutMs: number;
  readonly #server: Http2Server;
  readonly #routes: Routes;
  readonly #unary: UnaryRoutes;
  readonly #pipes = new Set<EnginePipe>();

  /** `direct`: whether what is registered for it bypasses Connect. */
  constructor(routes: Routes, limits: ServerLimits, direct: boolean) {
    this.#routes = routes;
    this.#unary = new UnaryRoutes(direct ? routes.unary : new Map());
    this.readMaxBytes = limits.readMaxBytes;
    this.writeMaxBytes = limits.writeMaxBytes;
    this.requestTimeoutMs = limits.requestTimeoutMs;
    this.#server = new Http2Server({
      limits: {
        ...limits,
        maxBufferedBytes: limits.sessionMemoryMb * MIB,
        idleTimeoutMs: limits.idleSessionTimeoutMs,
      },
      accept: this.#accept,
      fault: (error) => console.error("HTTP/2 failed", error),
    });
  }

  serve(socket: Socket): void {
    this.#server.serve(socket);
  }

  close(): void {
    for (const pipe of this.#pipes) pipe.shutDown();
    this.#server.close();
  }

  /** Found out once for all requests with the same head. */
  readonly #accept = (stream: ServerStream, head: RequestHead): StreamListener => {
    head.memo ??= this.#serveOf(head);
    return (head.memo as Serve)(stream, head);
  };

  #serveOf(head: RequestHead): Serve {
    const { authority, headers, method, path } = head;
    const contentType = headers["content-type"];
    const route = this.#unary.find({
      method,
      path,
      authority,
      contentType,
      encoding: headers["grpc-encoding"],
      expect: headers["expect"],
    });
    if (route !== undefined) return this.#serveUnary(route, headers["grpc-timeout"]);
    if (method === "CONNECT") return (stream) => refuse(stream, 405);
    if (headers["expect"] !== undefined && !head.expectsContinue) return (stream) => refuse(stream, 417);
    const direct = isGrpcProto(contentType) ? this.#routes.direct.get(path) : undefined;
    if (direct !== undefined) return this.#servePipe(direct);
    const handler = this.#routes.handlers.get(path.split("?", 1)[0] ?? "");
    if (handler !== undefined) return this.#serveRpc(handler, head);
    if (isGrpc(contentType)) {
      const answer = headOf(200, UNKNOWN_METHOD);
      return (stream) => {
        stream.answer(answer, null, null);
        return NOBODY;
      };
    }
    return this.#servePlain;
  }

  #serveUnary(route: UnaryRoute, timeout: string | undefined): Serve {
    return (stream, head) => {
      const call = new EngineUnaryCall(stream, head, route, this);
      call.begin(timeout);
      return call;
    };
  }

  #servePipe(route: DirectRoute): Serve {
    return (stream) => {
      const pipe = new EnginePipe(stream, route, (gone) => this.#pipes.delete(gone));
      this.#pipes.add(pipe);
      return pipe;
    };
  }

  #serveRpc(handler: UniversalHandler, { authority, path }: RequestHead): Serve {
    // One that is no host name, or missing, must not get any further.
    if (authority === undefined || !URL.canParse(path, `http://${authority}`)) return badRequest;
    const timeoutMs = this.#routes.endless.has(handler.requestPath) ? null : this.requestTimeoutMs;
    return (stream, head) => new RpcCall(stream, head, handler, timeoutMs);
  }

  readonly #servePlain: Serve = (stream, head) => {
    try {
      return new PlainCall(stream, head, this.#routes.fallback, this.requestTimeoutMs);
    } catch {
      return badRequest(stream);
    }
  };
}

function badRequest(stream: ServerStream): StreamListener {
  if (stream.isAnswered) stream.reset();
  else {
    const head = headOf(400, [["content-type", "text/plain; charset=utf-8"]]);
    stream.answer(head, Buffer.from("bad request\n"), null);
  }
  return NOBODY;
}

function refuse(stream: ServerStream, status: number): StreamListener {
  stream.answer(headOf(status, []), null, null);
  return NOBODY;
}
