import type * as http2 from "node:http2";
import type * as net from "node:net";
import { PIECE_BYTES } from "./piece-writer.ts";

export interface LivenessOptions {
  /** Milliseconds without a byte from the peer, although it was asked something or has a stream open, until it is pinged. Default 1000. */
  readonly pingAfterMs: number;
  /** Milliseconds without an answer to the ping until the connection is given up and the next call makes a new one. Default 2000. */
  readonly pingTimeoutMs: number;
  /** Bytes that a connection with streams carries in a second at least, if it is not to be given up. Default 8192. */
  readonly minBytesPerSecond: number;
}

/**
 * Whether a connection still leads to anybody. A ping waits behind all that was written before it, in this machine, in routers and in the peer: on
 * a slow link a silence tells nothing until what is on its way has had the time to arrive. Pings between the pieces of what is written, see
 * `PieceWriter`, are answered as these arrive, so that this never has to be more time than for one piece.
 */
export class Liveness {
  readonly #session: http2.ClientHttp2Session;
  readonly #socket: net.Socket;
  readonly #options: LivenessOptions;
  /** Of the bytes written on this connection, so many have arrived. */
  #arrivedBytes = 0;

  constructor(session: http2.ClientHttp2Session, socket: net.Socket, options: LivenessOptions) {
    this.#session = session;
    this.#socket = socket;
    this.#options = options;
  }

  /** Asks the peer to say so when all that was written so far has arrived. False if too many such questions are open. */
  mark(): boolean {
    if (this.#session.destroyed) return false;
    const { bytesWritten } = this.#socket;
    return this.#session.ping((error) => {
      if (error === null) this.#arrivedBytes = Math.max(this.#arrivedBytes, bytesWritten);
    });
  }

  /** Breaks the connection when it is silent, as long as `stream` is open. */
  watch(stream: http2.ClientHttp2Stream): void {
    const { pingAfterMs } = this.#options;
    const socket = this.#socket;
    let seenBytes = socket.bytesRead;
    let pingedAtMs: number | null = null;
    const look = (): void => {
      const now = performance.now();
      if (socket.bytesRead > seenBytes) pingedAtMs = null;
      else if (pingedAtMs === null) pingedAtMs = this.mark() ? now : null;
      // The socket: a session that is destroyed says "no error" to its streams.
      else if (now - pingedAtMs >= this.#patienceMs) socket.destroy(silent(now - pingedAtMs));
      seenBytes = socket.bytesRead;
    };
    const timer = setInterval(look, pingAfterMs);
    timer.unref();
    stream.once("close", () => clearInterval(timer));
  }

  get #patienceMs(): number {
    const { minBytesPerSecond, pingTimeoutMs } = this.#options;
    const aheadBytes = Math.min(this.#socket.bytesWritten - this.#arrivedBytes, PIECE_BYTES);
    return pingTimeoutMs + (aheadBytes * 1000) / minBytesPerSecond;
  }
}

export function silent(silentMs: number): Error {
  return Object.assign(new Error(`no answer to a ping within ${Math.round(silentMs)} ms`), {
    code: "ETIMEDOUT",
  });
}
