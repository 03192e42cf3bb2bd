import { Code, ConnectError } from "@connectrpc/connect";
import { findTrailerError, setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { IncomingHttpHeaders } from "node:http2";

const STATUS_HEADERS = ["grpc-status", "grpc-message", "grpc-status-details-bin"] as const;

/** The status of a call in trailers, or in headers if there is nothing else: null for success, undefined for none. */
export function statusIn(headers: IncomingHttpHeaders): ConnectError | null | undefined {
  if (headers["grpc-status"] === undefined) return undefined;
  const found = new Headers();
  for (const name of STATUS_HEADERS) {
    const value = headers[name];
    if (typeof value === "string") found.set(name, value);
  }
  try {
    return findTrailerError(found) ?? null;
  } catch (reason) {
    return new ConnectError("a status that cannot be read", Code.Internal, undefined, undefined, reason);
  }
}

/** The trailers that end a call with `error`, or successfully. */
export function statusOf(error: ConnectError | undefined): Record<string, string> {
  const status = setTrailerStatus(new Headers(), error);
  return Object.fromEntries(status.entries());
}
