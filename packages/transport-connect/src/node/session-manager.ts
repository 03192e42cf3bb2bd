import { Code, ConnectError } from "@connectrpc/connect";
import * as http2 from "node:http2";
import * as net from "node:net";
import { Liveness, silent } from "./liveness.ts";
import type { LivenessOptions } from "./liveness.ts";

export interface SessionOptions extends LivenessOptions {
  /** Milliseconds to establish the TCP connection. Default 1000. */
  readonly connectTimeoutMs: number;
  /** Milliseconds after a failed attempt during which calls fail at once with the same error. Default 50. */
  readonly redialAfterMs: number;
  /** Calls that may wait for the connection to be established. Default 64. */
  readonly maxWaiting: number;
  /** Memory of the connection in megabytes. Default 256, room for a snapshot on its way. */
  readonly sessionMemoryMb: number;
}

export const DEFAULT_SESSION_OPTIONS: SessionOptions = {
  connectTimeoutMs: 1000,
  redialAfterMs: 50,
  pingAfterMs: 1000,
  pingTimeoutMs: 2000,
  minBytesPerSecond: 8192,
  maxWaiting: 64,
  sessionMemoryMb: 256,
};

/** Pings that may be without an answer: one for each piece of all that may be on its way. */
const MAX_OPEN_PINGS = 256;

interface Connection {
  readonly socket: net.Socket;
  readonly liveness: Liveness;
}

/**
 * Keeps one HTTP/2 connection to one peer, for Connect's transports.
 *
 * It takes the place of Connect's own manager because of one story: a peer restarts gracefully and sends GOAWAY while the connection has
 * no call under way; that manager then takes its error listener off and destroys the session *with an error*; if the next call comes in the
 * same moment, nobody listens, and an uncaught exception ends this process too. Here every session has an error listener from birth
 * to death.
 */
export class PeerSessionManager {
  /** Scheme, host and port; what Connect compares the URL of a request with. */
  readonly authority: string;
  readonly #host: string;
  readonly #options: SessionOptions;
  /** Every session that is not closed: the current one, and older ones that finish their last calls. */
  readonly #sessions = new Map<http2.ClientHttp2Session, Connection>();
  #current: http2.ClientHttp2Session | null = null;
  #dialling: Promise<http2.ClientHttp2Session> | null = null;
  #waiting = 0;
  #failure: { readonly error: ConnectError; readonly atMs: number } | null = null;
  /** Since when the current session owes us a byte; null when it does not. */
  #owedSinceMs: number | null = null;
  /** When the current session was pinged; null when no answer is awaited. */
  #pingedAtMs: number | null = null;
  #closed = false;

  constructor(address: string, options: SessionOptions) {
    const { origin, host } = new URL(`http://${address}`);
    this.authority = origin;
    this.#host = host;
    this.#options = options;
  }

  /** Opens a stream, on a new connection if need be. Rejects with UNAVAILABLE when there is none to be had. */
  async request(
    method: string,
    path: string,
    headers: http2.OutgoingHttpHeaders,
    options: Omit<http2.ClientSessionRequestOptions, "signal">,
  ): Promise<http2.ClientHttp2Stream> {
    // A session can close between the moment it is chosen and the moment it is used.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const session = await this.#session();
      try {
        const stream = session.request(
          // Node would leave out the brackets of an IPv6 address, and the server could not tell where its port begins.
          { ...headers, ":authority": this.#host, ":method": method, ":path": path },
          options,
        );
        // Connect adds its listener a moment later.
        stream.on("error", () => {});
        this.#owedSinceMs ??= performance.now();
        stream.once("response", () => this.notifyResponseByteRead(stream));
        return stream;
      } catch (error) {
        if (!session.closed && !session.destroyed) throw error;
        this.#retire(session);
      }
    }
    throw new ConnectError("connections close as soon as they open", Code.Unavailable);
  }

  /** Connect calls this for whatever arrives. */
  notifyResponseByteRead(stream: http2.ClientHttp2Stream): void {
    if (stream.session === this.#current) this.#heard();
  }

  /**
   * Watches over a stream that may be silent for as long as it likes, for which no later call would ask whether its connection still lives: that
   * is pinged whenever it has been silent for `pingAfterMs`.
   */
  keepAlive(stream: http2.ClientHttp2Stream): void {
    if (!stream.destroyed) this.#livenessOf(stream)?.watch(stream);
  }

  /** Has the peer say so when all that was written on the connection of `stream` has arrived; see Liveness. */
  mark(stream: http2.ClientHttp2Stream): void {
    this.#livenessOf(stream)?.mark();
  }

  /** Ends all connections and every call on them. Later requests are refused. */
  close(): void {
    this.#closed = true;
    this.#current = null;
    for (const [session, { socket }] of this.#sessions) {
      session.destroy(closed());
      socket.destroy();
    }
  }

  async #session(): Promise<http2.ClientHttp2Session> {
    if (this.#closed) throw closed();
    const current = this.#current;
    // A session that has received GOAWAY counts as closed; its last calls go on.
    if (current !== null && !current.closed && !current.destroyed && this.#answers(current)) return current;
    if (this.#dialling === null) {
      const { redialAfterMs } = this.#options;
      if (this.#failure !== null && performance.now() - this.#failure.atMs < redialAfterMs) {
        throw this.#failure.error;
      }
      this.#dialling = this.#dial().finally(() => {
        this.#dialling = null;
      });
    } else if (this.#waiting >= this.#options.maxWaiting) {
      throw new ConnectError("too many calls wait for the connection", Code.Unavailable);
    }
    this.#waiting += 1;
    try {
      return await this.#dialling;
    } finally {
      this.#waiting -= 1;
    }
  }

  /**
   * False when the peer has been silent for so long that the connection is given up. TCP alone would go on for a quarter of an hour: a
   * machine that lost its power says no goodbye. A peer that is merely slow to answer still acknowledges the ping.
   */
  #answers(session: http2.ClientHttp2Session): boolean {
    const now = performance.now();
    if (this.#pingedAtMs !== null) {
      const silentMs = now - this.#pingedAtMs;
      if (silentMs < this.#options.pingTimeoutMs) return true;
      // With an error: without one it says "no error" to its streams, and Connect leaves the calls under way waiting for their deadlines.
      session.destroy(silent(silentMs));
      this.#retire(session);
      return false;
    }
    if (this.#owedSinceMs !== null && now - this.#owedSinceMs >= this.#options.pingAfterMs) {
      this.#pingedAtMs = now;
      session.ping(() => {
        if (session === this.#current) this.#heard();
      });
    }
    return true;
  }

  async #dial(): Promise<http2.ClientHttp2Session> {
    const { connectTimeoutMs, sessionMemoryMb } = this.#options;
    const socket = this.#openSocket();
    const session = http2.connect(this.authority, {
      createConnection: () => socket,
      maxSessionMemory: sessionMemoryMb,
      maxOutstandingPings: MAX_OPEN_PINGS,
      settings: { enablePush: false },
    });
    this.#sessions.set(session, { socket, liveness: new Liveness(session, socket, this.#options) });
    // Before Node's own listener: after a GOAWAY that one ignores a reset, closes the calls under way without an error, and Connect leaves them
    // waiting for their deadlines.
    socket.prependListener("error", (error) => session.destroy(error));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // The socket, not the session: a session that is destroyed before it is connected says nothing until TCP gives up, minutes later.
    const timer = setTimeout(() => socket.destroy(timedOut(connectTimeoutMs)), connectTimeoutMs);
    session.on("error", (error) => {
      this.#retire(session);
      reject(error);
    });
    session.once("connect", () => resolve());
    session.once("close", () => {
      this.#sessions.delete(session);
      this.#retire(session);
      reject(new ConnectError("connection closed before it was established", Code.Unavailable));
    });
    try {
      await promise;
      if (this.#closed) throw closed();
      this.#current = session;
      this.#heard();
      this.#failure = null;
      return session;
    } catch (reason) {
      const error = unavailable(reason);
      this.#failure = { error, atMs: performance.now() };
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #livenessOf({ session }: http2.ClientHttp2Stream): Liveness | undefined {
    return session === undefined
      ? undefined
      : this.#sessions.get(session as http2.ClientHttp2Session)?.liveness;
  }

  #openSocket(): net.Socket {
    const { hostname, port } = new URL(this.authority);
    // A URL keeps the brackets of an IPv6 address, and leaves out port 80.
    return net.connect({ host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 80 : Number(port) });
  }

  /** New calls go elsewhere; those under way finish. */
  #retire(session: http2.ClientHttp2Session): void {
    if (!session.closed && !session.destroyed) session.close();
    if (session !== this.#current) return;
    this.#current = null;
    this.#heard();
  }

  /** The current session has shown that it is alive, or there is none. */
  #heard(): void {
    this.#owedSinceMs = null;
    this.#pingedAtMs = null;
  }
}

function closed(): ConnectError {
  return new ConnectError("this connection was closed", Code.Canceled);
}

function unavailable(reason: unknown): ConnectError {
  if (reason instanceof ConnectError) return reason;
  const text = reason instanceof Error ? reason.message : String(reason);
  return new ConnectError(text, Code.Unavailable, undefined, undefined, reason);
}

function timedOut(timeoutMs: number): Error {
  return Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: "ETIMEDOUT" });
}
