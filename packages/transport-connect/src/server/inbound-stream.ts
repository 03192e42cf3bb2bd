import { Code, ConnectError } from "@connectrpc/connect";
import { Lane } from "@eraft/proto/eraft/peer/v1";
import type { ExchangeRequest, ExchangeResponse, Request, Response } from "@eraft/proto/eraft/peer/v1";
import { decodeStreamRequest } from "../codec/peer/decode-request.ts";
import type { Running } from "../running.ts";
import type { Acquaintance } from "../stream/handshake.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import { Reception } from "./reception.ts";

/** What a stream tells the set it belongs to. */
export interface InboundHost {
  opened(stream: InboundStream, acquaintance: Acquaintance): void;
  closed(stream: InboundStream, acquaintance: Acquaintance | null): void;
}

/** An Exchange as the one that is called sees it. */
export class InboundStream implements PipeListener<ExchangeRequest> {
  readonly #pipe: Pipe<ExchangeResponse>;
  readonly #running: Running;
  readonly #host: InboundHost;
  readonly #reception: Reception;
  #lane: Lane = Lane.UNSPECIFIED;
  #isOver = false;

  constructor(pipe: Pipe<ExchangeResponse>, running: Running, host: InboundHost) {
    this.#pipe = pipe;
    this.#running = running;
    this.#host = host;
    this.#reception = new Reception(running, (error) => this.end(error));
  }

  get lane(): Lane {
    return this.#lane;
  }

  get isVouchedFor(): boolean {
    return this.#reception.acquaintance?.isVouchedFor ?? false;
  }

  get bufferedBytes(): number {
    return this.#pipe.bufferedBytes;
  }

  send(responses: Response[], sizeBytes: number): void {
    this.#pipe.write({ $typeName: "eraft.peer.v1.ExchangeResponse", responses }, sizeBytes);
  }

  /** This side wants no more of it. */
  end(error: ConnectError): void {
    if (this.#isOver) return;
    this.#pipe.end(error);
    this.#close(true);
  }

  received(frame: ExchangeRequest): void {
    const { hello, rejection, requests } = frame;
    const { acquaintance } = this.#reception;
    if (acquaintance === null) return this.#introduced(frame);
    if (hello !== undefined) return this.end(invalid("a second hello"));
    if (rejection !== undefined) {
      this.#reception.rejected(rejection);
      return this.end(new ConnectError("this server was rejected", Code.Canceled));
    }
    if (requests.length > 0) this.#running.rejections.accepted(acquaintance.peer);
    for (const request of requests) {
      // A receiver may end us in the middle, by stopping the transport.
      if (this.#isOver) return;
      this.#deliver(request, acquaintance);
    }
  }

  ended(_error: ConnectError | null, isOurs = false): void {
    this.#close(isOurs);
  }

  #introduced({ hello, lane, requests }: ExchangeRequest): void {
    const welcome = this.#reception.introduce(hello);
    if (welcome instanceof ConnectError) return this.end(welcome);
    const { acquaintance } = this.#reception;
    if (acquaintance === null || (lane !== Lane.CONTROL && lane !== Lane.BULK) || requests.length > 0) {
      return this.end(invalid("a hello comes with a lane that is known here, and without requests"));
    }
    this.#lane = lane;
    this.#pipe.write({ $typeName: "eraft.peer.v1.ExchangeResponse", welcome, responses: [] }, 0);
    this.#host.opened(this, acquaintance);
  }

  #deliver(wire: Request, { peer }: Acquaintance): void {
    const message = decodeStreamRequest(wire, peer, this.#running.id);
    if (typeof message === "string") return this.end(invalid(message));
    try {
      this.#running.receiver.receive(message);
    } catch (reason) {
      // Against its contract. Left alone, it would pass for a fault of the connection.
      this.end(ConnectError.from(reason, Code.Internal));
    }
  }

  #close(isOurs: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // First out of the set, so that nothing is sent on it by whoever hears that the peer is gone.
    this.#host.closed(this, this.#reception.acquaintance);
    this.#reception.over(isOurs);
  }
}

function invalid(text: string): ConnectError {
  return new ConnectError(text, Code.InvalidArgument);
}
