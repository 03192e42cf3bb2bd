import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Clock, InstallSnapshot, NodeId, Receiver, Request, Response } from "@eraft/core";
import { RaftService } from "@eraft/proto/raftpb";
import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  RequestVoteRequest,
  RequestVoteResponse,
} from "@eraft/proto/raftpb";
import {
  decodeAppendEntries,
  decodeInstallSnapshot,
  decodeRequestVote,
} from "../codec/raftpb/decode-request.ts";
import type { Members } from "../codec/raftpb/decode-request.ts";
import {
  encodeAppendEntriesResponse,
  encodeInstallSnapshotResponse,
  encodeRequestVoteResponse,
} from "../codec/raftpb/encode-response.ts";
import { registerUnary } from "../direct/unary.ts";
import type { UnaryContext, UnaryOptions } from "../direct/unary.ts";
import { commandBytes } from "../codec/sizes.ts";
import type { Limits } from "../options.ts";
import { ErrorDelay } from "./error-delay.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { Exchanges } from "./exchanges.ts";
import { registerStrict } from "./malformed.ts";

/**
 * The server side of raftpb.RaftService: each request gets a sequence number of its own, goes to the receiver, and its call is held until
 * the core's response with that number comes back through `answer`.
 */
export class RaftRoutes {
  readonly #members: Members;
  readonly #limits: Limits;
  readonly #exchanges: Exchanges;
  readonly #errorDelay: ErrorDelay;
  /** The snapshot that each leader is sending now. */
  readonly #snapshots = new Map<NodeId, Exchange>();
  #receiver: Receiver | null = null;

  constructor(members: Members, limits: Limits, clock: Clock) {
    this.#members = members;
    this.#limits = limits;
    this.#exchanges = new Exchanges(clock, limits);
    this.#errorDelay = new ErrorDelay(clock, limits.errorDelayMs, limits.maxOpenExchanges);
  }

  register(router: ConnectRouter): void {
    const options: UnaryOptions = { readMaxBytes: this.#limits.readMaxBytes };
    const { appendEntries, installSnapshot, requestVote } = RaftService.method;
    registerStrict(router, (router) => {
      registerUnary(
        router,
        requestVote,
        (request, context) => this.#delayErrors(this.#requestVote(request, context), context),
        options,
      );
      registerUnary(
        router,
        appendEntries,
        (request, context) => this.#delayErrors(this.#appendEntries(request, context), context),
        options,
      );
      registerUnary(
        router,
        installSnapshot,
        (request, context) => this.#delayErrors(this.#installSnapshot(request, context), context),
        options,
      );
    });
  }

  start(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  /** Ends all held calls with UNAVAILABLE. */
  stop(): void {
    this.#receiver = null;
    this.#exchanges.failAll(unavailable("this server has stopped"));
    this.#snapshots.clear();
    this.#errorDelay.flush();
  }

  answer(response: Response): void {
    this.#exchanges.answer(response);
  }

  async #requestVote(wire: RequestVoteRequest, context: UnaryContext): Promise<RequestVoteResponse> {
    const receiver = this.#serving();
    const message = decodeRequestVote(wire, this.#members, this.#exchanges.nextSequence());
    if (message instanceof ConnectError) throw message;
    const exchange = this.#open(message, 0);
    const answer = exchange.wait(context.signal);
    this.#hand(receiver, message, exchange);
    return encodeRequestVoteResponse(expect(await answer, "requestVoteResponse"));
  }

  async #appendEntries(wire: AppendEntriesRequest, context: UnaryContext): Promise<AppendEntriesResponse> {
    const receiver = this.#serving();
    const message = decodeAppendEntries(wire, this.#members, this.#exchanges.nextSequence());
    if (message instanceof ConnectError) throw message;
    const exchange = this.#open(message, commandBytes(message.entries));
    const answer = exchange.wait(context.signal);
    this.#hand(receiver, message, exchange);
    return encodeAppendEntriesResponse(expect(await answer, "appendEntriesResponse"), message);
  }

  /** A Go leader repeats its snapshot while the first is still being stored, up to eight times a second: all wait for the first one. */
  async #installSnapshot(
    wire: InstallSnapshotRequest,
    context: UnaryContext,
  ): Promise<InstallSnapshotResponse> {
    const receiver = this.#serving();
    const header = decodeInstallSnapshot(wire, this.#members, this.#exchanges.nextSequence());
    if (header instanceof ConnectError) throw header;
    const current = this.#snapshots.get(header.from);
    if (current !== undefined && !current.settled && isSameSnapshot(current.request, header)) {
      return encodeInstallSnapshotResponse(
        expect(await current.wait(context.signal), "installSnapshotResponse"),
      );
    }
    const exchange = this.#open(header, wire.data.byteLength);
    this.#snapshots.set(header.from, exchange);
    const answer = exchange.wait(context.signal);
    void this.#store(receiver, header, wire.data, exchange);
    try {
      return encodeInstallSnapshotResponse(expect(await answer, "installSnapshotResponse"));
    } finally {
      if (exchange.settled && this.#snapshots.get(header.from) === exchange) {
        this.#snapshots.delete(header.from);
      }
    }
  }

  /** A receiver that throws, against its contract, ends the call: left open, its rejection would have nobody to hear it. */
  #hand(receiver: Receiver, message: Request, exchange: Exchange): void {
    try {
      receiver.receive(message);
    } catch (reason) {
      this.#exchanges.fail(exchange, ConnectError.from(reason, Code.Internal));
    }
  }

  async #store(
    receiver: Receiver,
    header: InstallSnapshot,
    data: Uint8Array,
    exchange: Exchange,
  ): Promise<void> {
    try {
      await receiver.receiveSnapshot(header, oneChunk(data));
    } catch (reason) {
      const text = reason instanceof Error ? reason.message : String(reason);
      this.#exchanges.fail(exchange, unavailable(`the snapshot could not be stored: ${text}`));
    }
  }

  #serving(): Receiver {
    if (this.#receiver === null) throw unavailable("this server is not running");
    return this.#receiver;
  }

  #open(request: Request, sizeBytes: number): Exchange {
    const exchange = this.#exchanges.open(request, sizeBytes);
    if (exchange instanceof ConnectError) throw exchange;
    return exchange;
  }

  /** Holds an error back for a moment, unless its caller has left already. */
  async #delayErrors<T>(reply: Promise<T>, context: UnaryContext): Promise<T> {
    try {
      return await reply;
    } catch (error) {
      if (!context.signal.aborted) await this.#errorDelay.pause();
      throw error;
    }
  }
}

function isSameSnapshot(request: Request, header: InstallSnapshot): boolean {
  return (
    request.type === "installSnapshot" &&
    request.term === header.term &&
    request.lastIncludedIndex === header.lastIncludedIndex &&
    request.lastIncludedTerm === header.lastIncludedTerm
  );
}

function expect<T extends Answer["type"]>(answer: Answer, type: T): Extract<Answer, { type: T }> {
  if (answer.type !== type) throw new ConnectError(`answered by a ${answer.type}`, Code.Internal);
  return answer as Extract<Answer, { type: T }>;
}

async function* oneChunk(data: Uint8Array): AsyncGenerator<Uint8Array> {
  if (data.byteLength > 0) yield data;
}

function unavailable(text: string): ConnectError {
  return new ConnectError(text, Code.Unavailable);
}
