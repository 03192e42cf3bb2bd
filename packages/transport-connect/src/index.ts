export { ConnectTransport } from "./connect-transport.ts";
export { DEFAULT_DEADLINES, DEFAULT_LIMITS } from "./options.ts";
export type { ConnectTransportOptions, Deadlines, Limits, PeerConnection } from "./options.ts";
export { PeerError } from "./peer-error.ts";
export type { PeerErrorCode } from "./peer-error.ts";
export { registerUnary } from "./direct/unary.ts";
export type {
  CallSignal,
  UnaryBytesHandler,
  UnaryContext,
  UnaryHandler,
  UnaryOptions,
} from "./direct/unary.ts";
