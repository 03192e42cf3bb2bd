export { type Serial, type SessionId, SESSION_WINDOW } from "./serial.ts";
export {
  type Claim,
  DEFAULT_MAX_RESULTS,
  DEFAULT_MAX_SESSIONS,
  type SessionLimits,
  type SessionOutcome,
  SessionTable,
} from "./session-table.ts";
export type { ResultSlot, SessionView } from "./session.ts";
export { type ClientWrite, ClientTable } from "./client-table.ts";
export type { RecencyChanges } from "./recency.ts";
export { decodeSession, encodeSession, type ResultCodec } from "./session-codec.ts";
export { SessionFormatError } from "./session-format-error.ts";
export { encodeEnvelope, type Envelope, SESSION_OVERHEAD_BYTES } from "./envelope.ts";
export { type SessionResult, withSessions, type WithSessionsOptions } from "./with-sessions.ts";
export { SessionClient, type SessionClientOptions } from "./session-client.ts";
export type { SessionServer } from "./server-finder.ts";
