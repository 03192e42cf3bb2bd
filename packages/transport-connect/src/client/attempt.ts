import { Code, ConnectError } from "@connectrpc/connect";
import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import type { IdentityRefusal, NodeId } from "@eraft/core";
import type { Hello, Rejection, Welcome } from "@eraft/proto/eraft/peer/v1";
import type { PeerConnection } from "../options.ts";
import { PeerError, peerErrorFrom } from "../peer-error.ts";
import type { Running } from "../running.ts";
import { openOver } from "../stream/connect-pipes.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import type { Way } from "../stream/presence.ts";
import { findRejection, rejectionOf } from "../stream/rejection.ts";

export interface Callee {
  readonly peer: NodeId;
  readonly address: string;
  readonly running: Running;
  /** The connection to call over, made when it is first needed. May throw. */
  readonly connection: () => PeerConnection;
}

/** A call of eraft.peer.v1, whose streams all begin and end alike. */
export interface Kind<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodBiDiStreaming<I, O>;
  readonly greeting: (hello: Hello) => MessageShape<I>;
  readonly farewell: (rejection: Rejection) => MessageShape<I>;
  readonly welcomeIn: (frame: MessageShape<O>) => Welcome | undefined;
}

/** Why a stream is over. */
export interface Failure {
  readonly error: PeerError;
  /** The peer will not talk to us, and says why. */
  readonly rejected: IdentityRefusal | null;
  /** The same, or we will not talk to the peer. */
  readonly isRejection: boolean;
}

export interface AttemptListener<Frame> {
  /** The peer is there, and may be talked to. */
  opened(welcome: Frame): void;
  received(frame: Frame): void;
  /** Last, and never from within the constructor. */
  failed(failure: Failure): void;
}

/** One call, from the hello to its end. */
export class Attempt<I extends DescMessage, O extends DescMessage> implements PipeListener<MessageShape<O>> {
  readonly #kind: Kind<I, O>;
  readonly #callee: Callee;
  #listener: AttemptListener<MessageShape<O>> | null;
  #pipe: Pipe<MessageShape<I>> | null = null;
  #way: Way | null = null;
  #cancelTimer: () => void = () => {};

  constructor(kind: Kind<I, O>, callee: Callee, listener: AttemptListener<MessageShape<O>>) {
    this.#kind = kind;
    this.#callee = callee;
    this.#listener = listener;
    try {
      this.#call();
    } catch (reason) {
      queueMicrotask(() => this.ended(ConnectError.from(reason)));
    }
  }

  write(frame: MessageShape<I>, sizeBytes: number): void {
    this.#pipe?.write(frame, sizeBytes);
  }

  /** Leaves after `last`. */
  leave(last: MessageShape<I>): void {
    this.#pipe?.write(last, 0);
    this.#pipe?.end();
    this.#close(true);
  }

  /** Leaves without a word. */
  abandon(): void {
    this.#pipe?.abort();
    this.#close(true);
  }

  /** Leaves because the peer does not do what it should. */
  fail(error: PeerError): void {
    this.#pipe?.abort();
    this.#fail({ error, rejected: null, isRejection: false }, true);
  }

  received(frame: MessageShape<O>): void {
    if (this.#way !== null) this.#listener?.received(frame);
    else this.#welcomed(frame);
  }

  ended(error: ConnectError | null): void {
    const reason = error ?? new ConnectError("the peer has ended the stream", Code.Unavailable);
    this.#fail(this.#failureFrom(reason), false);
  }

  #call(): void {
    const { address, connection, peer, running } = this.#callee;
    const { handshakeMs } = running.deadlines;
    const transport = connection();
    const pipe = (transport.open ?? openOver(transport))(this.#kind.method, this);
    this.#pipe = pipe;
    this.#cancelTimer = running.clock.after(handshakeMs, () =>
      this.fail(new PeerError("timeout", `${address}: no answer within ${handshakeMs} ms`)),
    );
    pipe.write(this.#kind.greeting(running.handshake.hello(peer)), 0);
  }

  #welcomed(frame: MessageShape<O>): void {
    const { peer, running } = this.#callee;
    this.#cancelTimer();
    const acquaintance = running.handshake.checkWelcome(this.#kind.welcomeIn(frame), peer);
    if (acquaintance instanceof ConnectError) return this.#reject(acquaintance);
    this.#way = running.presence.enter(acquaintance, () =>
      this.fail(new PeerError("unreachable", `${this.#callee.address}: it has restarted`)),
    );
    this.#listener?.opened(frame);
  }

  /** Tells the peer why, if it is because of who it is. */
  #reject(error: ConnectError): void {
    const rejection = findRejection(error);
    if (rejection === null || rejection === "version") {
      this.#pipe?.abort();
    } else {
      this.#pipe?.write(this.#kind.farewell(rejectionOf(rejection)), 0);
      this.#pipe?.end();
    }
    this.#fail({ ...this.#failureFrom(error), rejected: null }, true);
  }

  #failureFrom(reason: ConnectError): Failure {
    const { address, running } = this.#callee;
    const rejection = findRejection(reason);
    if (rejection === "version") {
      const error = new PeerError("unsupported", `${address}: ${reason.rawMessage}`, { cause: reason });
      return { error, rejected: null, isRejection: false };
    }
    const error = peerErrorFrom(reason, address, running.deadlines.handshakeMs);
    return { error, rejected: rejection, isRejection: rejection !== null };
  }

  #fail(failure: Failure, isOurs: boolean): void {
    const listener = this.#listener;
    // Out of the way first: who hears that the peer is gone may call it again at once.
    this.#listener = null;
    listener?.failed(failure);
    this.#close(isOurs);
  }

  #close(isOurs: boolean): void {
    this.#listener = null;
    this.#cancelTimer();
    const way = this.#way;
    this.#way = null;
    way?.leave(isOurs);
  }
}
