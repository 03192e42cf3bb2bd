import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock, NodeId, Refusal, Request, Response } from "@eraft/core";
import { FIRST_UNARY_SEQUENCE } from "../codec/peer/sequence.ts";
import { Exchange } from "./exchange.ts";
import type { Answer } from "./exchange.ts";

export interface ExchangeLimits {
  readonly maxOpenExchanges: number;
  readonly maxOpenBytes: number;
  readonly maxHoldMs: number;
}

/** The requests that the core has and has not answered, by the sequence numbers this server gave them. */
export class Exchanges {
  readonly #clock: Clock;
  readonly #limits: ExchangeLimits;
  /** In the order of opening, so the oldest comes first. */
  readonly #open = new Map<number, Exchange>();
  readonly #openByPeer = new Map<NodeId, number>();
  #openBytes = 0;
  #lastSequence: number = FIRST_UNARY_SEQUENCE;
  #cancelSweep: (() => void) | null = null;

  constructor(clock: Clock, limits: ExchangeLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** A number that no other request to this server has, whichever way it came. */
  nextSequence(): number {
    this.#lastSequence += 1;
    return this.#lastSequence;
  }

  /** Opens an exchange, or returns the error to answer the request with when too much is open. */
  open(request: Request, sizeBytes: number): Exchange | ConnectError {
    const { maxOpenExchanges, maxOpenBytes } = this.#limits;
    const ofPeer = this.#openByPeer.get(request.from) ?? 0;
    if (ofPeer >= maxOpenExchanges) {
      return exhausted(`${ofPeer} requests of server ${request.from} wait for an answer already`);
    }
    if (this.#openBytes > 0 && this.#openBytes + sizeBytes > maxOpenBytes) {
      return exhausted(`requests of ${this.#openBytes} bytes wait for an answer already`);
    }
    const exchange = new Exchange(request, sizeBytes, this.#clock.now());
    this.#open.set(request.sequence, exchange);
    this.#openByPeer.set(request.from, ofPeer + 1);
    this.#openBytes += sizeBytes;
    this.#cancelSweep ??= this.#clock.after(this.#limits.maxHoldMs, this.#sweep);
    return exchange;
  }

  /** Passes on what the core says. An answer to an exchange that is no longer open is dropped: its callers are gone. */
  answer(response: Response): void {
    const exchange = this.#open.get(response.sequence);
    if (exchange === undefined) return;
    this.#close(exchange);
    const error = faultOf(exchange.request, response);
    if (error !== null) exchange.fail(error);
    else exchange.answer(response as Answer);
  }

  /** Ends one exchange without the core's answer. */
  fail(exchange: Exchange, error: ConnectError): void {
    if (exchange.settled) return;
    this.#close(exchange);
    exchange.fail(error);
  }

  /** Ends all of them. */
  failAll(error: ConnectError): void {
    for (const exchange of this.#open.values()) this.fail(exchange, error);
    this.#cancelSweep?.();
    this.#cancelSweep = null;
  }

  #close(exchange: Exchange): void {
    const { from, sequence } = exchange.request;
    this.#open.delete(sequence);
    this.#openBytes -= exchange.sizeBytes;
    const left = (this.#openByPeer.get(from) ?? 1) - 1;
    if (left === 0) this.#openByPeer.delete(from);
    else this.#openByPeer.set(from, left);
  }

  /** One timer for all exchanges: it forgets those that are too old and comes back for the oldest of the rest. */
  readonly #sweep = (): void => {
    const { maxHoldMs } = this.#limits;
    this.#cancelSweep = null;
    const now = this.#clock.now();
    for (const exchange of this.#open.values()) {
      const leftMs = exchange.openedAtMs + maxHoldMs - now;
      if (leftMs > 0) {
        this.#cancelSweep = this.#clock.after(leftMs, this.#sweep);
        return;
      }
      this.fail(
        exchange,
        new ConnectError(`this server gave no answer within ${maxHoldMs} ms`, Code.DeadlineExceeded),
      );
    }
  };
}

/** The error that `response` stands for as an answer to `request`; null if it is a proper answer. */
function faultOf(request: Request, response: Response): ConnectError | null {
  if (response.type === "refusal") return refused(request, response);
  if (response.type !== `${request.type}Response` || response.to !== request.from) {
    const text = `request ${request.sequence} was answered by a ${response.type} to server ${response.to}`;
    return new ConnectError(text, Code.Internal);
  }
  if (request.type === "appendEntries" && response.type === "appendEntriesResponse" && response.success) {
    const last = request.prevLogIndex + request.entries.length;
    // The wire has no match index: the leader will count everything it sent as stored here.
    if (response.matchIndex < last) {
      const text = `stored up to ${response.matchIndex} only, not ${last}`;
      return new ConnectError(text, Code.Internal);
    }
  }
  return null;
}

function refused(request: Request, refusal: Refusal): ConnectError {
  switch (refusal.reason) {
    case "termLeap":
      return new ConnectError(
        `term ${request.term} is too far above this server's term ${refusal.term}`,
        Code.FailedPrecondition,
      );
    case "twoLeaders":
      return new ConnectError(
        `term ${request.term} already has another leader than server ${request.from}`,
        Code.FailedPrecondition,
      );
    // Validation has let it pass, the core did not: either way it is the same kind of fault.
    case "malformed":
      return new ConnectError("the request contradicts itself", Code.InvalidArgument);
  }
}

function exhausted(text: string): ConnectError {
  return new ConnectError(text, Code.ResourceExhausted);
}
