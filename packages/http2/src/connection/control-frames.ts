import { ConnectionError, ErrorCode } from "../errors.ts";
import { Flag, FrameType, Setting } from "../frames/frame-types.ts";
import type { Http2Limits } from "../limits.ts";
import type { Outbox } from "./outbox.ts";

/** So many answers to control frames may wait for a peer that does not read. */
const MAX_WAITING_ACKS = 1000;

/** Sends the frames that carry nothing of a request. */
export class ControlFrames {
  readonly #outbox: Outbox;
  #waitingAcks = 0;
  /** The last word was said. */
  isSilent = false;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  settings({ maxConcurrentStreams, maxHeaderBytes, streamWindowBytes }: Http2Limits): void {
    const settings = [
      [Setting.maxConcurrentStreams, maxConcurrentStreams],
      [Setting.initialWindowSize, streamWindowBytes],
      [Setting.maxHeaderListSize, maxHeaderBytes],
    ] as const;
    this.#outbox.begin(FrameType.settings, 0, 0, settings.length * 6);
    for (const [name, value] of settings) {
      this.#outbox.append(Uint8Array.of(0, name));
      this.#outbox.appendUint32(value);
    }
  }

  settingsAck(): void {
    this.countAck();
    this.#outbox.begin(FrameType.settings, Flag.ack, 0, 0);
  }

  ping(bytes: Uint8Array): void {
    this.#outbox.begin(FrameType.ping, 0, 0, 8);
    this.#outbox.append(bytes);
  }

  pingAck(bytes: Uint8Array): void {
    this.countAck();
    this.#outbox.begin(FrameType.ping, Flag.ack, 0, 8);
    this.#outbox.append(bytes);
  }

  windowUpdate(streamId: number, bytes: number): void {
    if (this.isSilent) return;
    this.#outbox.begin(FrameType.windowUpdate, 0, streamId, 4);
    this.#outbox.appendUint32(bytes);
  }

  rstStream(streamId: number, code: number): void {
    if (this.isSilent) return;
    this.#outbox.begin(FrameType.rstStream, 0, streamId, 4);
    this.#outbox.appendUint32(code);
  }

  goaway(lastStreamId: number, code: number, text = ""): void {
    const bytes = Buffer.from(text);
    this.#outbox.begin(FrameType.goaway, 0, 0, 8 + bytes.byteLength);
    this.#outbox.appendUint32(lastStreamId);
    this.#outbox.appendUint32(code);
    this.#outbox.append(bytes);
  }

  /** Counts an answer to something that a peer may send as often as it likes. */
  countAck(): void {
    this.#waitingAcks = this.#outbox.isFull ? this.#waitingAcks + 1 : 0;
    if (this.#waitingAcks > MAX_WAITING_ACKS) {
      throw new ConnectionError(ErrorCode.enhanceYourCalm, "too many answers that are not read");
    }
  }
}
