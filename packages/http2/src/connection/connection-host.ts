import type { Http2Limits } from "../limits.ts";
import type { RequestHead } from "../request-head.ts";
import type { ServerStream, StreamListener } from "../stream.ts";

/** Takes a request, and says who listens to it. */
export type Accept = (stream: ServerStream, head: RequestHead) => StreamListener;

export interface ConnectionHost {
  readonly limits: Http2Limits;
  readonly accept: Accept;
  /** How often the server has looked at its connections. */
  readonly look: number;
  /** The looks in the time that a request may take, and in that of a connection without traffic. */
  readonly requestLooks: number;
  readonly idleLooks: number;
  /** A fault of ours, which has ended the connection. */
  fault(error: unknown): void;
}
