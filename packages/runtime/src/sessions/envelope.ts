import type { SessionId, Serial } from "./serial.ts";

/** What a state machine with sessions is told to do. */
export type Envelope =
  | { readonly type: "open" }
  | { readonly type: "close"; readonly sessionId: SessionId }
  | { readonly type: "write"; readonly serial: Serial; readonly command: Uint8Array }
  | { readonly type: "plain"; readonly command: Uint8Array };

/** What the envelope of a write adds to a command, in bytes: as much less fits into `maxCommandBytes`. */
export const SESSION_OVERHEAD_BYTES = 25;

const PLAIN = 0;
const OPEN = 1;
const WRITE = 2;
const CLOSE = 3;

/**
 * The command in the log. Numbers are little-endian.
 *
 *     u8 0   the command                                                   plain: every time it comes it is done
 *     u8 1                                                                 open a session
 *     u8 2   u64 session, u64 sequence, u64 firstUnanswered, the command   do it once
 *     u8 3   u64 session                                                   close it
 */
export function encodeEnvelope(envelope: Envelope): Uint8Array {
  switch (envelope.type) {
    case "plain": {
      const bytes = new Uint8Array(1 + envelope.command.length);
      bytes[0] = PLAIN;
      bytes.set(envelope.command, 1);
      return bytes;
    }
    case "open":
      return Uint8Array.of(OPEN);
    case "write": {
      const { serial, command } = envelope;
      const bytes = new Uint8Array(SESSION_OVERHEAD_BYTES + command.length);
      bytes[0] = WRITE;
      const view = new DataView(bytes.buffer);
      view.setBigUint64(1, BigInt(serial.sessionId), true);
      view.setBigUint64(9, BigInt(serial.sequence), true);
      view.setBigUint64(17, BigInt(serial.firstUnanswered), true);
      bytes.set(command, SESSION_OVERHEAD_BYTES);
      return bytes;
    }
    case "close": {
      const bytes = new Uint8Array(9);
      bytes[0] = CLOSE;
      new DataView(bytes.buffer).setBigUint64(1, BigInt(envelope.sessionId), true);
      return bytes;
    }
  }
}

/** What `bytes` say, null if they say nothing. They come from the log, so anything may be in them. Never throws. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (bytes[0] ?? -1) {
    case PLAIN:
      return bytes.length > 1 ? { type: "plain", command: bytes.subarray(1) } : null;
    case OPEN:
      return bytes.length === 1 ? { type: "open" } : null;
    case WRITE: {
      if (bytes.length <= SESSION_OVERHEAD_BYTES) return null;
      const serial = {
        sessionId: Number(view.getBigUint64(1, true)),
        sequence: Number(view.getBigUint64(9, true)),
        firstUnanswered: Number(view.getBigUint64(17, true)),
      };
      return { type: "write", serial, command: bytes.subarray(SESSION_OVERHEAD_BYTES) };
    }
    case CLOSE:
      return bytes.length === 9 ? { type: "close", sessionId: Number(view.getBigUint64(1, true)) } : null;
    default:
      return null;
  }
}
