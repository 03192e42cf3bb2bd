import type { ServerHttp2Session } from "node:http2";

/** How often in an idle timeout the traffic is looked at; it is closed at most so much of the timeout late. */
const LOOKS = 4;

/**
 * Closes `session`, once its calls are done, when it has carried nothing for `timeoutMs`, pings included.
 *
 * Not by `session.setTimeout`: Node cannot clear that timer any more when the session is destroyed, since it has been marked as destroyed just
 * before, and the timer keeps the whole session in memory until it fires. With ten minutes, whoever connects and leaves a hundred times a
 * second has us hold 60,000 dead sessions.
 */
export function closeWhenIdle(session: ServerHttp2Session, timeoutMs: number): void {
  const { socket } = session;
  let seen = 0;
  let quiet = 0;
  const look = (): void => {
    const traffic = socket.bytesRead + socket.bytesWritten;
    quiet = traffic === seen ? quiet + 1 : 0;
    seen = traffic;
    if (quiet >= LOOKS) session.close();
  };
  const timer = setInterval(look, Math.ceil(timeoutMs / LOOKS));
  timer.unref();
  session.once("close", () => clearInterval(timer));
}
