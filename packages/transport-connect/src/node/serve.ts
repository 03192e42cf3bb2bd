import type { ConnectRouter } from "@connectrpc/connect";
import * as http from "node:http";
import * as net from "node:net";
import { Handler, notFound } from "./handler.ts";
import { Engine } from "./engine/engine.ts";
import type { HttpHandler } from "./http-handler.ts";
import type { Http2Engine } from "./http2-engine.ts";
import { checkServerLimits } from "./limits.ts";
import type { ServerLimits } from "./limits.ts";
import { ListenError, listenErrorFrom } from "./listen-error.ts";
import { NodeEngine } from "./node-engine.ts";
import { sniff } from "./sniff.ts";

export interface ServeOptions {
  /** The address to listen on, such as `127.0.0.1` or `::`. */
  readonly host: string;
  /** From 0 to 65535; 0 takes any free port, which `listening` tells. */
  readonly port: number;
  /** Registers the RPCs. */
  readonly routes: (router: ConnectRouter) => void;
  /** Answers every request that is no RPC. Default: 404. */
  readonly fallback?: HttpHandler;
  readonly limits?: Partial<ServerLimits>;
  /**
   * Who speaks HTTP/2: this project's own `@eraft/http2`, or Node's server, which takes ten times as long for a small call. Nobody can tell from
   * outside. Default `eraft`.
   */
  readonly engine?: "eraft" | "node";
  /** Whether calls of methods that `registerUnary` has registered bypass Connect's adapter where they can. Default true. */
  readonly direct?: boolean;
}

export interface ListeningAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Serves gRPC, gRPC-Web, Connect and plain HTTP on one cleartext port, over HTTP/1.1 and over HTTP/2 with prior knowledge. Begins to
 * listen at once. Throws a RangeError for a port or limit out of range.
 */
export function serve(options: ServeOptions): RpcServer {
  return new RpcServer(options);
}

/** A running server, see `serve`. */
export class RpcServer {
  /** Where it listens. Rejects with a ListenError when it cannot. */
  readonly listening: Promise<ListeningAddress>;
  readonly #limits: ServerLimits;
  readonly #handler: Handler;
  readonly #http1: http.Server;
  readonly #http2: Http2Engine;
  readonly #port: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #closed: Promise<void> | null = null;

  constructor(options: ServeOptions) {
    const limits = checkServerLimits(options.limits);
    if (!Number.isInteger(options.port) || options.port < 0 || options.port > 65_535) {
      throw new RangeError(`port must be an integer from 0 to 65535, not ${String(options.port)}`);
    }
    this.#limits = limits;
    this.#handler = new Handler(options.routes, options.fallback ?? notFound, limits);
    const handle: HttpHandler = (request, response) => this.#handler.handle(request, response);
    this.#http1 = this.#createHttp1(handle);
    const direct = options.direct ?? true;
    this.#http2 =
      options.engine === "node"
        ? new NodeEngine(this.#handler, handle, limits, direct)
        : new Engine(this.#handler, limits, direct);
    this.#port = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#port.maxConnections = limits.maxConnections;
    this.listening = this.#listen(options.host, options.port);
  }

  /**
   * Stops listening, ends the streams of peers, tells HTTP/2 clients to go elsewhere, and lets calls under way finish for `closeGraceMs`.
   * Resolves once every connection is gone. Can be called again.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #listen(host: string, port: number): Promise<ListeningAddress> {
    const { promise, resolve, reject } = Promise.withResolvers<ListeningAddress>();
    this.#port.once("listening", () => {
      resolve({ host, port: (this.#port.address() as net.AddressInfo).port });
      // Later errors concern a single accept, as when the process is out of file descriptors. The server goes on.
      this.#port.on("error", () => {});
    });
    this.#port.once("error", (error) => reject(listenErrorFrom(error, host, port)));
    this.#port.once("close", () => reject(new ListenError("closed", `${host}:${port} was closed at once`)));
    this.#port.listen(port, host);
    return promise;
  }

  #accept(socket: net.Socket): void {
    this.#sockets.add(socket);
    // Node's HTTP servers listen for errors only while the socket is theirs, and destroy it on an error themselves.
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    sniff(
      socket,
      this.#limits.firstBytesTimeoutMs,
      (socket) => this.#http2.serve(socket),
      (socket) => this.#http1.emit("connection", socket),
    );
  }

  #createHttp1(handler: HttpHandler): http.Server {
    const limits = this.#limits;
    const options = {
      maxHeaderSize: limits.maxHeaderBytes,
      // Node insists that a part of a request takes no longer than the whole.
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
    };
    const server = http.createServer(options, (request, response) => {
      // A connection that is kept alive past `close` would hold it up until its timeout.
      response.once("close", () => {
        if (this.#closed !== null) request.socket.end();
      });
      handler(request, response);
    });
    server.maxHeadersCount = limits.maxHeaderPairs;
    // It never listens itself, and only this event starts the timer behind its header and request timeouts.
    server.emit("listening");
    return server;
  }

  async #close(): Promise<void> {
    // May reject, with what `listening` tells anyway: then there is nothing to close but the timers below.
    const gone = new Promise<void>((resolve) => {
      this.#port.close(() => resolve());
    });
    this.#http2.close();
    this.#http1.closeIdleConnections();
    for (const socket of this.#sockets) {
      // It never sent a byte, so nobody waits for an answer on it.
      if (socket.bytesRead === 0) socket.destroy();
    }
    const grace = setTimeout(() => {
      // The sockets, not the sessions: a session that is destroyed says "no error" to its streams, and Connect's clients wait on.
      for (const socket of this.#sockets) socket.destroy();
    }, this.#limits.closeGraceMs);
    await gone;
    clearTimeout(grace);
    this.#http1.close();
  }
}
