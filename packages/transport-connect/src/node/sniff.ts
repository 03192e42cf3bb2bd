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
  const give = (): void => {
    socket.destroy();
  };
  const timer = setTimeout(give, timeoutMs);
  const stop = (): void => {
    clearTimeout(timer);
    socket.off("readable", look);
    socket.off("end", give);
    socket.off("error", give);
    socket.off("close", stop);
  };
  const look = (): void => {
    const bytes = socket.read() as Buffer | null;
    if (bytes === null) return;
    const known = Math.min(bytes.byteLength, PREFACE.byteLength);
    const matches = bytes.subarray(0, known).equals(PREFACE.subarray(0, known));
    if (matches && known < PREFACE.byteLength) {
      // Too few to tell, as when a sender writes byte by byte: kept until there are more.
      socket.unshift(bytes);
      return;
    }
    stop();
    socket.unshift(bytes);
    (matches ? http2 : http1)(socket);
  };
  socket.on("readable", look);
  socket.on("end", give);
  socket.on("error", give);
  socket.on("close", stop);
}
