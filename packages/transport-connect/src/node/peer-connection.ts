import { createGrpcTransport } from "@connectrpc/connect-node";
import { checkAddress } from "../address.ts";
import type { PeerConnection } from "../options.ts";
import { DEFAULT_LIMITS } from "../options.ts";
import { openOn } from "./client-pipe.ts";
import { checkPositive } from "./limits.ts";
import { DEFAULT_SESSION_OPTIONS, PeerSessionManager } from "./session-manager.ts";
import type { SessionOptions } from "./session-manager.ts";

export interface PeerConnectionOptions extends SessionOptions {
  /** Bytes of one incoming message. Default 4 MiB; what a peer answers is a few bytes. */
  readonly readMaxBytes: number;
  /** Bytes of one outgoing message. Default 64 MiB. */
  readonly writeMaxBytes: number;
}

/**
 * A gRPC connection to a peer at `host:port`, cleartext HTTP/2, without compression in either direction. It is made by the first call and
 * again by the first call after it was lost; a call to a peer that is not there fails at once, without retry or back-off.
 * Throws a TypeError for a bad address and a RangeError for an option out of range.
 */
export function nodePeerConnection(
  address: string,
  options: Partial<PeerConnectionOptions> = {},
): Required<PeerConnection> {
  const settings: PeerConnectionOptions = {
    ...DEFAULT_SESSION_OPTIONS,
    readMaxBytes: 4 * 1024 * 1024,
    writeMaxBytes: DEFAULT_LIMITS.readMaxBytes,
    ...options,
  };
  for (const [name, value] of Object.entries(settings)) checkPositive(name, value);
  const sessionManager = new PeerSessionManager(checkAddress(address), settings);
  const transport = createGrpcTransport({
    baseUrl: sessionManager.authority,
    sessionManager,
    // Left out, it would accept gzip and brotli, and peers would compress their answers.
    acceptCompression: [],
    readMaxBytes: settings.readMaxBytes,
    writeMaxBytes: settings.writeMaxBytes,
  });
  return Object.assign(transport, {
    close: () => sessionManager.close(),
    open: openOn(sessionManager, settings.readMaxBytes),
  });
}
