import { ConnectionError, ErrorCode } from "../errors.ts";
import { MAX_FRAME_BYTES, MAX_WINDOW_BYTES, Setting } from "../frames/frame-types.ts";

export interface SettingsListener {
  headerTable(bytes: number): void;
  initialWindow(bytes: number): void;
  maxFrame(bytes: number): void;
}

const SETTING_BYTES = 6;
const MOST_FRAME_BYTES = 0xffffff;

/** Reads the payload of SETTINGS (RFC 9113, 6.5.1). Throws a ConnectionError for what it may not say. */
export function readSettings(bytes: Buffer, from: number, to: number, listener: SettingsListener): void {
  if ((to - from) % SETTING_BYTES !== 0) {
    throw new ConnectionError(ErrorCode.frameSizeError, `SETTINGS of ${to - from} bytes`);
  }
  for (let at = from; at < to; at += SETTING_BYTES) {
    const value = bytes.readUInt32BE(at + 2);
    switch (bytes.readUInt16BE(at)) {
      case Setting.headerTableSize:
        listener.headerTable(value);
        break;
      case Setting.enablePush:
        if (value > 1) throw new ConnectionError(ErrorCode.protocolError, `ENABLE_PUSH ${value}`);
        break;
      case Setting.initialWindowSize:
        if (value > MAX_WINDOW_BYTES) {
          throw new ConnectionError(ErrorCode.flowControlError, `INITIAL_WINDOW_SIZE ${value}`);
        }
        listener.initialWindow(value);
        break;
      case Setting.maxFrameSize:
        if (value < MAX_FRAME_BYTES || value > MOST_FRAME_BYTES) {
          throw new ConnectionError(ErrorCode.protocolError, `MAX_FRAME_SIZE ${value}`);
        }
        listener.maxFrame(value);
        break;
      default:
      // Those that limit what we never send, and those that are not known (RFC 9113, 6.5.2).
    }
  }
}
