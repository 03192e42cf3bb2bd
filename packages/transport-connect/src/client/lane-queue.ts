import { Lane } from "@eraft/proto/eraft/peer/v1";
import type { ExchangeRequest, ExchangeResponse, Request } from "@eraft/proto/eraft/peer/v1";
import { encodeStreamRequest } from "../codec/peer/encode-request.ts";
import { PeerError } from "../peer-error.ts";
import type { Callee } from "./attempt.ts";
import type { InFlight } from "./in-flight.ts";
import { Link } from "./link.ts";
import type { LinkListener } from "./link.ts";
import type { Outgoing } from "./outgoing.ts";
import { UnderWay } from "./under-way.ts";

/** A message of a stream is not made larger than this by joining requests. */
const MAX_FRAME_BYTES = 1024 * 1024;

/** About what a request takes on the wire besides its entries. */
const REQUEST_BYTES = 40;

export interface LaneListener {
  opened(lane: Lane): void;
  received(lane: Lane, frame: ExchangeResponse): void;
  /** The stream failed. What was given to it is still there: whoever hears this drains it. */
  failed(lane: Lane, error: PeerError): void;
}

/** What goes to a peer on one lane: waits for the stream, leaves once in a turn of the event loop, and keeps its place until it is answered. */
export class LaneQueue implements LinkListener {
  readonly #callee: Callee;
  readonly #lane: Lane;
  readonly #listener: LaneListener;
  readonly #link: Link;
  readonly #underWay: UnderWay;
  #waiting: Outgoing[] = [];
  #isFlushing = false;

  constructor(callee: Callee, lane: Lane, window: InFlight, listener: LaneListener) {
    this.#callee = callee;
    this.#lane = lane;
    this.#listener = listener;
    // The control lane is how a peer shows that it is there; the other one is for leaders only.
    this.#link = new Link(callee, lane, lane === Lane.CONTROL, this);
    this.#underWay = new UnderWay(window, callee.running.limits.maxHoldMs);
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  /** See Link. */
  nudge(): void {
    this.#link.nudge();
  }

  /** See Link. */
  askAgain(): void {
    this.#link.askAgain();
  }

  /** See Link. */
  demand(): PeerError | null {
    return this.#link.demand();
  }

  /** Takes a request, to be sent as soon as the stream is open, or returns why it is dropped. */
  add(item: Outgoing): PeerError | null {
    const { running, address } = this.#callee;
    if (!this.#underWay.enter(item.message.sequence, item.sizeBytes, running.clock.now())) {
      const { maxInFlight, maxInFlightBytes } = running.limits;
      const text = `more than ${maxInFlight} requests or ${maxInFlightBytes} bytes under way`;
      return new PeerError("busy", `${address}: ${text}`);
    }
    this.#waiting.push(item);
    this.#flushSoon();
    return null;
  }

  /** Gives back what was not sent, and the places of all that is under way. */
  drain(): readonly Outgoing[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#underWay.clear();
    return waiting;
  }

  /** Nothing was sent or is to be. */
  get isIdle(): boolean {
    return this.#underWay.size === 0;
  }

  /** A request of this peer, on whichever lane, was answered. */
  answered(sequence: number): void {
    this.#underWay.answered(sequence);
  }

  /** Breaks the stream. */
  fail(error: PeerError): void {
    this.#link.fail(error);
  }

  close(): void {
    this.#link.close();
    this.drain();
  }

  opened(): void {
    this.#listener.opened(this.#lane);
    this.#flushSoon();
  }

  received(frame: ExchangeResponse): void {
    this.#listener.received(this.#lane, frame);
  }

  failed(error: PeerError): void {
    this.#listener.failed(this.#lane, error);
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#waiting.length === 0 || !this.#link.isOpen) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      if (this.#link.isOpen) this.#flush();
    });
  }

  #flush(): void {
    let requests: Request[] = [];
    let sizeBytes = 0;
    const items = this.#waiting;
    this.#waiting = [];
    for (const { message, count, sizeBytes: entriesBytes } of items) {
      const bytes = entriesBytes + REQUEST_BYTES;
      if (sizeBytes > 0 && sizeBytes + bytes > MAX_FRAME_BYTES) {
        this.#write(requests, sizeBytes);
        requests = [];
        sizeBytes = 0;
      }
      requests.push(encodeStreamRequest(message, count));
      sizeBytes += bytes;
    }
    this.#write(requests, sizeBytes);
  }

  #write(requests: Request[], sizeBytes: number): void {
    if (requests.length === 0) return;
    const frame: ExchangeRequest = {
      $typeName: "eraft.peer.v1.ExchangeRequest",
      lane: this.#lane,
      requests,
    };
    this.#link.write(frame, sizeBytes);
  }
}
