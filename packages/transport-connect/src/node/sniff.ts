import type { Socket } from "node:net";

/** How a client with prior knowledge of HTTP/2 begins (RFC 9113, 3.4). No HTTP/1.1 method begins with these three letters. */
const PREFACE = Buffer.from("PRI");

/**
 * Reads the first bytes of a connection, puts them back, and hands it to `http2` or `http1`. Nothing is called, and the connection is
 * destroyed, when it ends or stays silent before it can be told.
 */
export function sniff(
  socket: Socket,
  timeoutMs: number,
  http2: (socket: Socket) => void,
  http1: (socket: Socket) => void,
): void {
  let held: Buffer = Buffer.alloc(0);
  const giveUp = (): void => {
    socket.destroy();
  };
  const timer = setTimeout(giveUp, timeoutMs);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off("readable", look);
    socket.off("end", giveUp);
    socket.off("error", giveUp);
    socket.off("close", stop);
  };
  const look = (): void => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    // A sender may write byte by byte. Putting them back before there are enough would make them readable again, for ever.
    held = held.byteLength === 0 ? bytes : Buffer.concat([held, bytes]);
    const known = Math.min(held.byteLength, PREFACE.byteLength);
    const matches = held.subarray(0, known).equals(PREFACE.subarray(0, known));
    if (matches && known < PREFACE.byteLength) return;
    stop();
    socket.unshift(held);
    (matches ? http2 : http1)(socket);
  };
  socket.on("readable", look);
  socket.on("end", giveUp);
  socket.on("error", giveUp);
  socket.on("close", stop);
}
