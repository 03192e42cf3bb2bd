import type { Socket } from "node:net";

/**
 * Ends a connection with an RST, at once, or as soon as it is established; in the middle of its goodbye it can only be closed. `close` is certain
 * to follow.
 *
 * `resetAndDestroy` alone is not that certain. Right after `end`, while the FIN is on its way out, libuv refuses to reset (EINVAL); by then Node
 * has let go of the handle, and never closes it: there is no `close`, and the process cannot end.
 */
export function reset(socket: Socket): void {
  const isSayingGoodbye = socket.writableEnded && !socket.writableFinished;
  if (isSayingGoodbye) socket.destroy();
  else socket.resetAndDestroy();
}
