/** What a server accepts from the network, and what it spends on it. */
export interface ServerLimits {
  /** Open connections; more are closed at once. Default 1024. */
  readonly maxConnections: number;
  /** Calls under way on one HTTP/2 connection. Default 256. */
  readonly maxConcurrentStreams: number;
  /** Bytes of one incoming message, unless its routes say otherwise; above it the answer is RESOURCE_EXHAUSTED. Default 4 MiB. */
  readonly readMaxBytes: number;
  /** Bytes of one outgoing message. Default 64 MiB. */
  readonly writeMaxBytes: number;
  /** Bytes of the headers of one request. Default 16 KiB. */
  readonly maxHeaderBytes: number;
  /** Headers of one request. Default 64. */
  readonly maxHeaderPairs: number;
  /** Bytes a peer may send on one HTTP/2 stream before we read them. Default 1 MiB; HTTP/2's own 64 KiB make 64 KiB a round trip. */
  readonly streamWindowBytes: number;
  /** The same for all streams of a connection together. Default 8 MiB. */
  readonly connectionWindowBytes: number;
  /** Memory of one HTTP/2 connection in megabytes; above it new streams are refused. Default 128. */
  readonly sessionMemoryMb: number;
  /** Milliseconds until the first bytes of a connection must have come. Default 5000. */
  readonly firstBytesTimeoutMs: number;
  /** Milliseconds for the headers of an HTTP/1.1 request. Default 10000. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for a whole request, unless it is a stream; an HTTP/2 one may get a quarter more. Default 30000. */
  readonly requestTimeoutMs: number;
  /** Milliseconds after which an HTTP/1.1 connection without a request is closed. Default 5000. */
  readonly keepAliveTimeoutMs: number;
  /** Milliseconds after which an HTTP/2 connection without traffic is closed, once its calls are done. Default 600000. */
  readonly idleSessionTimeoutMs: number;
  /** Milliseconds that `close` gives to calls under way. Default 1000. */
  readonly closeGraceMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_SERVER_LIMITS: ServerLimits = {
  maxConnections: 1024,
  maxConcurrentStreams: 256,
  readMaxBytes: 4 * MIB,
  writeMaxBytes: 64 * MIB,
  maxHeaderBytes: 16 * KIB,
  maxHeaderPairs: 64,
  streamWindowBytes: MIB,
  connectionWindowBytes: 8 * MIB,
  sessionMemoryMb: 128,
  firstBytesTimeoutMs: 5000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 5000,
  idleSessionTimeoutMs: 600_000,
  closeGraceMs: 1000,
};

/** Fills in the defaults. Throws a RangeError that names the limit at fault. */
export function checkServerLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  const limits = { ...DEFAULT_SERVER_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) checkPositive(name, value);
  return limits;
}

/** Throws a RangeError unless `value` is a positive number that fits HTTP/2's and the timers' 31 bits. */
export function checkPositive(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value > 0x7fffffff) {
    throw new RangeError(`${name} must be an integer from 1 to 2^31 - 1, not ${String(value)}`);
  }
}
