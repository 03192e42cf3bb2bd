import type { Socket } from "node:net";
import { Connection } from "./connection/connection.ts";
import type { Accept, ConnectionHost } from "./connection/connection-host.ts";
import type { Http2Limits } from "./limits.ts";

export interface Http2ServerOptions {
  readonly limits: Http2Limits;
  /** Takes a request, and says who listens to it. */
  readonly accept: Accept;
  /** Told of what this server itself did wrong; it has ended the connection. */
  readonly fault: (error: unknown) => void;
}

/** How often in a timeout the connections are looked at; it is kept at most so much of the timeout late. */
const LOOKS = 4;

/** Serves HTTP/2 on connections that others accept. */
export class Http2Server implements ConnectionHost {
  readonly limits: Http2Limits;
  readonly accept: Accept;
  readonly fault: (error: unknown) => void;
  readonly requestLooks: number;
  readonly idleLooks: number;
  readonly #lookMs: number;
  readonly #connections = new Set<Connection>();
  #look = 0;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: Http2ServerOptions) {
    this.limits = options.limits;
    this.accept = options.accept;
    this.fault = options.fault;
    const { idleTimeoutMs, requestTimeoutMs } = options.limits;
    this.#lookMs = Math.ceil(Math.min(idleTimeoutMs, requestTimeoutMs) / LOOKS);
    this.requestLooks = Math.ceil(requestTimeoutMs / this.#lookMs);
    this.idleLooks = Math.ceil(idleTimeoutMs / this.#lookMs);
  }

  /** How often the connections have been looked at: the one clock of all of them. */
  get look(): number {
    return this.#look;
  }

  /** Takes over a connection of which nothing has been read, or what was read has been put back. */
  serve(socket: Socket): void {
    const connection = new Connection(socket, this, this.#closed);
    this.#connections.add(connection);
    this.#timer ??= setInterval(this.#lookAtAll, this.#lookMs).unref();
    if (this.#isClosed) connection.close();
  }

  /** Tells the clients to go elsewhere. Each connection closes once its requests are done. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.close();
  }

  readonly #closed = (connection: Connection): void => {
    this.#connections.delete(connection);
    if (this.#connections.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  };

  readonly #lookAtAll = (): void => {
    this.#look += 1;
    for (const connection of this.#connections) connection.look();
  };
}
