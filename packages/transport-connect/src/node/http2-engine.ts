import type { Socket } from "node:net";

/** Serves HTTP/2 on connections that are known to speak it. */
export interface Http2Engine {
  /** Takes over a connection of which nothing has been read, or what was read has been put back. */
  serve(socket: Socket): void;
  /** Ends the streams of peers, tells clients to go elsewhere, and closes each connection once its calls are done. */
  close(): void;
}
