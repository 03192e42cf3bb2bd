import { Socket } from "node:net";

/** Names the descriptor in the environment. bin/relaunch.js, which has to run before anything is built, says the same. */
const VARIABLE = "ERAFT_LIFELINE_FD";

/** How to spawn a process that does not outlive this one. */
export const LIFELINE: {
  /** The last element of `stdio`, after the three standard streams. */
  readonly stdio: "pipe";
  /** Additions to the environment. */
  readonly env: Readonly<Record<string, string>>;
} = { stdio: "pipe", env: { [VARIABLE]: "3" } };

/**
 * Ends this process as soon as the one that started it is gone, if that one gave it a lifeline.
 *
 * SIGKILL cannot be passed on. Without this, `kill -9` of a wrapper or of a demo would leave a server behind that holds its port and
 * its data directory, and that nobody knows of. However a process ends, the system closes its end of the pipe.
 */
export function followLifeline(): void {
  const fd = process.env[VARIABLE];
  if (fd === undefined) return;
  // It is not for those that this process will start.
  delete process.env[VARIABLE];
  const pipe = new Socket({ fd: Number(fd), readable: true, writable: false });
  pipe.on("end", die);
  pipe.on("error", die);
  pipe.resume();
  pipe.unref();
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
}
