import type * as http2 from "node:http2";

/** After so many bytes the peer is asked to say that they have arrived. */
export const PIECE_BYTES: number = 64 * 1024;

/**
 * Writes to a stream in pieces, with `mark` called after each. The next piece waits until the connection has taken the one before: HTTP/2 would
 * otherwise put all of them into one write, and the pings that are to tell how far it is behind them.
 */
export class PieceWriter {
  readonly #stream: http2.ClientHttp2Stream;
  readonly #mark: () => void;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #pieceBytes = 0;
  /** A whole piece is with the connection. */
  #isFull = false;
  #isEnded = false;

  constructor(stream: http2.ClientHttp2Stream, mark: () => void) {
    this.#stream = stream;
    this.#mark = mark;
  }

  /** Bytes that the connection has not taken. */
  get bufferedBytes(): number {
    return this.#stream.writableLength + this.#waitingBytes;
  }

  write(bytes: Buffer): void {
    if (!this.#isFull && this.#pieceBytes + bytes.byteLength < PIECE_BYTES) {
      this.#pieceBytes += bytes.byteLength;
      this.#stream.write(bytes);
      return;
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.byteLength;
    this.#go();
  }

  /** Ends the stream after what was written. */
  end(): void {
    this.#isEnded = true;
    this.#go();
  }

  /** What was not given to the stream never will be. */
  clear(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #go(): void {
    while (!this.#isFull) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const leftBytes = PIECE_BYTES - this.#pieceBytes;
      if (next.byteLength > leftBytes) this.#waiting.unshift(next.subarray(leftBytes));
      this.#give(next.subarray(0, leftBytes));
    }
    if (this.#isEnded && this.#waitingBytes === 0) this.#stream.end();
  }

  #give(bytes: Buffer): void {
    this.#waitingBytes -= bytes.byteLength;
    this.#pieceBytes += bytes.byteLength;
    this.#isFull = this.#pieceBytes === PIECE_BYTES;
    this.#stream.write(bytes, this.#isFull ? this.#taken : undefined);
  }

  readonly #taken = (error?: Error | null): void => {
    this.#isFull = false;
    this.#pieceBytes = 0;
    // The stream is gone.
    if (error) return this.clear();
    this.#mark();
    this.#go();
  };
}
