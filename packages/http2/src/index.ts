export { Http2Server } from "./server.ts";
export type { Http2ServerOptions } from "./server.ts";
export type { Http2Limits } from "./limits.ts";
export type { Accept } from "./connection/connection-host.ts";
export type { ServerStream, StreamListener } from "./stream.ts";
export type { RequestHead } from "./request-head.ts";
export { HeaderList } from "./hpack/header-list.ts";
export { ErrorCode } from "./errors.ts";
