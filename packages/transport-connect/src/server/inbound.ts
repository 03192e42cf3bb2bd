import { Code, ConnectError } from "@connectrpc/connect";
import type { NodeId } from "@eraft/core";
import { Lane } from "@eraft/proto/eraft/peer/v1";
import type { ExchangeRequest, ExchangeResponse } from "@eraft/proto/eraft/peer/v1";
import { encodeStreamResponse } from "../codec/peer/encode-response.ts";
import type { StreamResponse } from "../codec/peer/encode-response.ts";
import { PeerError } from "../peer-error.ts";
import type { Running } from "../running.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import type { Acquaintance } from "../stream/handshake.ts";
import { InboundStream } from "./inbound-stream.ts";
import type { InboundHost } from "./inbound-stream.ts";
import { superseded } from "./reception.ts";

/** About what an answer takes on the wire. */
const ANSWER_BYTES = 40;

/** Answers that may wait for a peer to read them: some 25,000. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

interface Caller {
  readonly streams: Map<Lane, InboundStream>;
  /** Answers of this turn of the event loop. */
  answers: StreamResponse[];
}

/** The streams by which peers send us their requests, and the answers to these. */
export class Inbound implements InboundHost {
  readonly #running: Running;
  readonly #called: (peer: NodeId) => void;
  readonly #callers = new Map<NodeId, Caller>();
  readonly #strangers = new Set<InboundStream>();

  /** `called` hears of each peer that has introduced itself. */
  constructor(running: Running, called: (peer: NodeId) => void) {
    this.#running = running;
    this.#called = called;
  }

  accept(pipe: Pipe<ExchangeResponse>): PipeListener<ExchangeRequest> {
    const stream = new InboundStream(pipe, this.#running, this);
    this.#strangers.add(stream);
    return stream;
  }

  /** Sends an answer. Without a stream of its peer it is dropped: the peer knows that it is cut off. */
  answer(message: StreamResponse): void {
    const caller = this.#callers.get(message.to);
    if (caller === undefined) return;
    if (caller.answers.push(message) === 1) queueMicrotask(() => this.#flush(message.to, caller));
  }

  /** Ends the streams of servers that are peers no longer, and that nobody else vouches for. */
  keepOnly(isPeer: (id: NodeId) => boolean): void {
    for (const [peer, { streams }] of this.#callers) {
      if (isPeer(peer)) continue;
      for (const stream of streams.values()) {
        if (stream.isVouchedFor) continue;
        stream.end(new ConnectError(`server ${peer} is not in this cluster`, Code.PermissionDenied));
      }
    }
  }

  /** Ends them all. */
  close(error: ConnectError): void {
    for (const stream of this.#strangers) stream.end(error);
    for (const { streams } of this.#callers.values()) {
      for (const stream of streams.values()) stream.end(error);
    }
  }

  opened(stream: InboundStream, acquaintance: Acquaintance): void {
    const { peer } = acquaintance;
    this.#strangers.delete(stream);
    const caller = this.#callers.get(peer) ?? { streams: new Map(), answers: [] };
    this.#callers.set(peer, caller);
    const previous = caller.streams.get(stream.lane);
    caller.streams.set(stream.lane, stream);
    // The peer has noticed a break that we have not.
    previous?.end(superseded(acquaintance));
    this.#called(peer);
  }

  closed(stream: InboundStream, acquaintance: Acquaintance | null): void {
    this.#strangers.delete(stream);
    const caller = acquaintance === null ? undefined : this.#callers.get(acquaintance.peer);
    if (acquaintance === null || caller?.streams.get(stream.lane) !== stream) return;
    caller.streams.delete(stream.lane);
    if (caller.streams.size === 0) this.#callers.delete(acquaintance.peer);
  }

  #flush(peer: NodeId, caller: Caller): void {
    const { answers, streams } = caller;
    caller.answers = [];
    // Whatever lane the request came on: nothing large ever stands in the way of what goes back on the control lane.
    const stream = streams.get(Lane.CONTROL) ?? streams.get(Lane.BULK);
    if (stream === undefined) return;
    if (stream.bufferedBytes > MAX_BUFFERED_BYTES) {
      const text = `${this.#running.addressOf(peer)}: it does not read its answers`;
      return this.#running.receiver.unreachable(peer, new PeerError("busy", text));
    }
    stream.send(answers.map(encodeStreamResponse), answers.length * ANSWER_BYTES);
  }
}
