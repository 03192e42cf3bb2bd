import { ConnectionError, ErrorCode } from "../errors.ts";
import { DEFAULT_WINDOW_BYTES } from "../frames/frame-types.ts";

/** What a peer may still send on a connection, all of its streams together (RFC 9113, 5.2). */
export class ReceiveWindow {
  readonly #bytes: number;
  #left: number = DEFAULT_WINDOW_BYTES;
  #uncredited = 0;

  constructor(bytes: number) {
    this.#bytes = Math.max(bytes, DEFAULT_WINDOW_BYTES);
  }

  /** By how much the window is to be widened at the beginning. */
  open(): number {
    const more = this.#bytes - this.#left;
    this.#left = this.#bytes;
    return more;
  }

  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0)
      throw new ConnectionError(ErrorCode.flowControlError, "more than the connection's window");
  }

  /** By how much it is to be widened now that `bytes` more are read; mostly 0, as one update in half a window is enough. */
  credit(bytes: number): number {
    this.#uncredited += bytes;
    if (this.#uncredited * 2 < this.#bytes) return 0;
    const credited = this.#uncredited;
    this.#left += credited;
    this.#uncredited = 0;
    return credited;
  }
}
