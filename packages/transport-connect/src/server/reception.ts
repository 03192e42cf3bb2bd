import { Code, ConnectError } from "@connectrpc/connect";
import type { Hello, Rejection, Welcome } from "@eraft/proto/eraft/peer/v1";
import { decodeRefusal } from "../codec/peer/identity.ts";
import type { Running } from "../running.ts";
import type { Acquaintance } from "../stream/handshake.ts";
import type { Way } from "../stream/presence.ts";

/** How a stream begins and ends at the side that is called: a hello in time, a welcome, and who has left. */
export class Reception {
  readonly #running: Running;
  readonly #end: (error: ConnectError) => void;
  readonly #cancelTimer: () => void;
  #acquaintance: Acquaintance | null = null;
  #way: Way | null = null;

  /** `end` is what ends the stream when there is no hello in time, or another run of its caller takes its place. */
  constructor(running: Running, end: (error: ConnectError) => void) {
    this.#running = running;
    this.#end = end;
    const { handshakeMs } = running.deadlines;
    this.#cancelTimer = running.clock.after(handshakeMs, () =>
      end(new ConnectError(`no hello within ${handshakeMs} ms`, Code.DeadlineExceeded)),
    );
  }

  /** Who calls; null before the hello. */
  get acquaintance(): Acquaintance | null {
    return this.#acquaintance;
  }

  /** What to answer to the first message, or the error to end the stream with. */
  introduce(hello: Hello | undefined): Welcome | ConnectError {
    this.#cancelTimer();
    const { handshake, presence } = this.#running;
    const acquaintance = handshake.checkHello(hello);
    if (acquaintance instanceof ConnectError) return acquaintance;
    if (hello === undefined) return new ConnectError("a stream begins with a hello", Code.InvalidArgument);
    this.#acquaintance = acquaintance;
    this.#way = presence.enter(acquaintance, () => this.#end(superseded(acquaintance)));
    return handshake.welcome(hello);
  }

  /** The caller will not talk to this server after what the welcome said. */
  rejected({ reason }: Rejection): void {
    const refusal = decodeRefusal(reason);
    if (this.#acquaintance === null || refusal === null) return;
    this.#running.rejections.rejected(this.#acquaintance.peer, refusal);
  }

  /** The stream has ended; `isOurs`: by this side. */
  over(isOurs: boolean): void {
    this.#cancelTimer();
    this.#way?.leave(isOurs);
  }
}

/** To the streams of a peer that has come back, or come again. */
export function superseded({ peer }: Acquaintance): ConnectError {
  return new ConnectError(`a newer stream of server ${peer} takes the place of this one`, Code.Aborted);
}
