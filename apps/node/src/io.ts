/** The streams of a command, so that tests can run one without a process. */
export interface Io {
  /** For what was asked for. */
  out(text: string): void;
  /** For everything else. */
  err(text: string): void;
}

/** The process's own streams. */
export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/**
 * A reader that goes away, as in `eraft wal dump DIR | head`, or a log collector that dies, would otherwise end this process with an
 * uncaught EPIPE.
 */
export function ignoreClosedStreams(): void {
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}
