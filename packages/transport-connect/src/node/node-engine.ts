import * as http2 from "node:http2";
import type { Socket } from "node:net";
import type { DescMessage } from "@bufbuild/protobuf";
import { BodyDeadline } from "./body-deadline.ts";
import { isGrpcProto } from "./handler.ts";
import type { Routes } from "./handler.ts";
import type { HttpHandler } from "./http-handler.ts";
import type { Http2Engine } from "./http2-engine.ts";
import { closeWhenIdle } from "./idle.ts";
import type { ServerLimits } from "./limits.ts";
import { servePipe } from "./node-pipe-stream.ts";
import type { ServerPipe } from "./server-pipe.ts";
import { NodeUnaryServer } from "./unary/node-unary-server.ts";

/** Serves HTTP/2 with Node's own server: slower, and what `Engine` has to look like from outside. */
export class NodeEngine implements Http2Engine {
  readonly #server: http2.Http2Server;
  readonly #sessions = new Set<http2.ServerHttp2Session>();
  readonly #routes: Routes;
  readonly #handle: HttpHandler;
  readonly #limits: ServerLimits;
  readonly #bodyDeadline: BodyDeadline;
  readonly #pipes = new Set<ServerPipe<DescMessage, DescMessage>>();
  #isClosed = false;

  /** `handle` answers what is not served directly. */
  constructor(routes: Routes, handle: HttpHandler, limits: ServerLimits, direct: boolean) {
    this.#routes = routes;
    this.#handle = handle;
    this.#limits = limits;
    this.#bodyDeadline = new BodyDeadline(limits.requestTimeoutMs);
    this.#server = this.#create();
    if (direct) bypass(this.#server, new NodeUnaryServer(routes.unary, limits));
  }

  serve(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  close(): void {
    this.#isClosed = true;
    for (const pipe of this.#pipes) pipe.shutDown();
    for (const session of this.#sessions) session.close();
  }

  #create(): http2.Http2Server {
    const limits = this.#limits;
    const options: http2.ServerOptions = {
      maxSessionMemory: limits.sessionMemoryMb,
      maxHeaderListPairs: limits.maxHeaderPairs,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      settings: {
        maxConcurrentStreams: limits.maxConcurrentStreams,
        initialWindowSize: limits.streamWindowBytes,
        maxHeaderListSize: limits.maxHeaderBytes,
        enablePush: false,
      },
    };
    const server = http2.createServer(options, (request, response) => this.#request(request, response));
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
      closeWhenIdle(session, limits.idleSessionTimeoutMs);
      session.setLocalWindowSize(limits.connectionWindowBytes);
      if (this.#isClosed) session.close();
    });
    // A broken client is its own problem; without a listener it would be an uncaught exception here.
    server.on("sessionError", () => {});
    return server;
  }

  #request(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): void {
    const route = isGrpcProto(request.headers["content-type"])
      ? this.#routes.direct.get(request.url)
      : undefined;
    if (route !== undefined) {
      const pipe = servePipe(route, request, response);
      this.#pipes.add(pipe);
      request.stream.once("close", () => this.#pipes.delete(pipe));
      return;
    }
    if (!this.#routes.endless.has(request.url)) this.#bodyDeadline.watch(request);
    this.#handle(request, response);
  }
}

/** Has `unary` asked first, and whoever listened to `server` before only about what is not for it. */
function bypass(server: http2.Http2Server, unary: NodeUnaryServer): void {
  const listeners = server.listeners("stream");
  server.removeAllListeners("stream");
  server.on("stream", (stream: http2.ServerHttp2Stream, headers, flags, rawHeaders) => {
    if (unary.accept(stream, headers, flags)) return;
    for (const listener of listeners) listener.call(server, stream, headers, flags, rawHeaders);
  });
}
