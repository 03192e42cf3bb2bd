/** What a server accepts from one connection, and what it spends on it. */
export interface Http2Limits {
  /** Requests under way; more are refused. */
  readonly maxConcurrentStreams: number;
  /** Bytes of the headers of one request, as RFC 9113 counts them (6.5.2): 32 more for each. */
  readonly maxHeaderBytes: number;
  /** Headers of one request. */
  readonly maxHeaderPairs: number;
  /** Bytes of one request's body that may be on their way before they are read. */
  readonly streamWindowBytes: number;
  /** The same for all requests together; HTTP/2 knows no less than 65,535. */
  readonly connectionWindowBytes: number;
  /** Bytes that wait to be read by either side; above it new requests are refused. */
  readonly maxBufferedBytes: number;
  /** Milliseconds for a request to come to its end; it may get a quarter more. */
  readonly requestTimeoutMs: number;
  /** Milliseconds without traffic after which a connection without requests is closed; it may get a quarter more. */
  readonly idleTimeoutMs: number;
}
