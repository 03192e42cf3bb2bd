import type { PeerError } from "../peer-error.ts";

/** How long to wait before a peer is called again, in milliseconds. */
export interface Pause {
  /** Without a reason to. */
  readonly ms: number;
  /** When there is something to send. */
  readonly onDemandMs: number;
}

const BROKEN_MIN_MS = 50;
const BROKEN_MAX_MS = 1000;
const REFUSED: Pause = { ms: 1000, onDemandMs: 1000 };
const REJECTED: Pause = { ms: 5000, onDemandMs: 5000 };
const UNSUPPORTED: Pause = { ms: 60_000, onDemandMs: 60_000 };

/**
 * After a call that ended with `error`, when `failures` before it ended soon, too. A connection that breaks may be back in a moment; what a peer says
 * deliberately it will say again, until somebody changes something. `isRejected`: because of who it, or this server, is.
 */
export function pauseAfter(error: PeerError, isRejected: boolean, failures: number): Pause {
  if (isRejected) return REJECTED;
  switch (error.code) {
    case "unsupported":
      return UNSUPPORTED;
    case "refused":
    case "invalidReply":
      return REFUSED;
    case "unreachable":
    case "timeout":
    case "unavailable":
    case "busy":
    case "tooLarge":
    case "stopped":
      return { ms: Math.min(BROKEN_MIN_MS * 2 ** failures, BROKEN_MAX_MS), onDemandMs: BROKEN_MIN_MS };
  }
}
