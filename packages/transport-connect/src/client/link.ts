import { PeerService } from "@eraft/proto/eraft/peer/v1";
import type {
  ExchangeRequest,
  ExchangeRequestSchema,
  ExchangeResponse,
  ExchangeResponseSchema,
  Lane,
} from "@eraft/proto/eraft/peer/v1";
import type { PeerError } from "../peer-error.ts";
import { Attempt } from "./attempt.ts";
import type { AttemptListener, Callee, Failure, Kind } from "./attempt.ts";
import { pauseAfter } from "./pauses.ts";
import type { Pause } from "./pauses.ts";

export interface LinkListener {
  /** The peer is there, and speaks eraft.peer.v1. */
  opened(): void;
  received(frame: ExchangeResponse): void;
  /** It is open no longer, or could not be opened. */
  failed(error: PeerError): void;
}

type ExchangeKind = Kind<typeof ExchangeRequestSchema, typeof ExchangeResponseSchema>;

function exchangeOn(lane: Lane): ExchangeKind {
  const frame = (): ExchangeRequest => ({ $typeName: "eraft.peer.v1.ExchangeRequest", lane, requests: [] });
  return {
    method: PeerService.method.exchange,
    greeting: (hello) => ({ ...frame(), hello }),
    farewell: (rejection) => ({ ...frame(), rejection }),
    welcomeIn: ({ welcome }) => welcome,
  };
}

/** A stream that stayed open for so long did not fail at once. */
const STABLE_MS = 1000;

interface Pausing {
  readonly error: PeerError;
  readonly pause: Pause;
  readonly sinceMs: number;
  readonly cancel: () => void;
}

/** An Exchange with one peer that is opened again when it broke, after a pause. */
export class Link implements AttemptListener<ExchangeResponse> {
  readonly #kind: ExchangeKind;
  readonly #callee: Callee;
  readonly #isEager: boolean;
  readonly #listener: LinkListener;
  /** At most one of these two is not null; neither is before the first call, and after `close`. */
  #attempt: Attempt<typeof ExchangeRequestSchema, typeof ExchangeResponseSchema> | null = null;
  #pausing: Pausing | null = null;
  #openSinceMs: number | null = null;
  #isClosed = false;
  /** In a row, each soon after the one before. */
  #failures = 0;

  /** `isEager`: it is kept open, whether or not there is something to send. */
  constructor(callee: Callee, lane: Lane, isEager: boolean, listener: LinkListener) {
    this.#kind = exchangeOn(lane);
    this.#callee = callee;
    this.#isEager = isEager;
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#openSinceMs !== null;
  }

  /** Sees to it that the link opens, for there is something to send. If that has just failed, returns why. */
  demand(): PeerError | null {
    const pausing = this.#pausing;
    if (pausing !== null) {
      const pausedMs = this.#callee.running.clock.now() - pausing.sinceMs;
      if (pausedMs < pausing.pause.onDemandMs) return pausing.error;
    }
    this.nudge();
    return null;
  }

  /** There is news of the peer: whatever the last attempt came to, the next one may end differently. */
  nudge(): void {
    if (this.#isClosed || this.#attempt !== null) return;
    this.#pausing?.cancel();
    this.#pausing = null;
    this.#attempt = new Attempt(this.#kind, this.#callee, this);
  }

  /** The peer was away: one that did not speak eraft.peer.v1 may now be another program. */
  askAgain(): void {
    if (this.#pausing?.error.code === "unsupported") this.nudge();
  }

  /** Sends on an open link. */
  write(frame: ExchangeRequest, sizeBytes: number): void {
    this.#attempt?.write(frame, sizeBytes);
  }

  /** Breaks an open link: the peer does not do what it should. */
  fail(error: PeerError): void {
    this.#attempt?.fail(error);
  }

  /** The listener hears nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#openSinceMs = null;
    this.#pausing?.cancel();
    this.#pausing = null;
    this.#attempt?.abandon();
    this.#attempt = null;
  }

  opened(): void {
    const { peer, running } = this.#callee;
    this.#openSinceMs = running.clock.now();
    running.rejections.accepted(peer);
    this.#listener.opened();
  }

  received(frame: ExchangeResponse): void {
    this.#listener.received(frame);
  }

  failed({ error, rejected, isRejection }: Failure): void {
    const { peer, running } = this.#callee;
    const { clock, rejections } = running;
    const now = clock.now();
    const wasStable = this.#openSinceMs !== null && now - this.#openSinceMs >= STABLE_MS;
    this.#failures = wasStable ? 0 : this.#failures;
    this.#attempt = null;
    this.#openSinceMs = null;
    const pause = pauseAfter(error, isRejection, this.#failures);
    this.#failures += 1;
    const cancel = this.#isEager ? clock.after(pause.ms, () => this.nudge()) : () => {};
    this.#pausing = { error, pause, sinceMs: now, cancel };
    if (rejected !== null) rejections.rejected(peer, rejected);
    this.#listener.failed(error);
  }
}
