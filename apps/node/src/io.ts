/** The streams of a command, so that tests can run one without a process. */
export interface Io {
  /** For what was asked for. */
  out(text: string | Uint8Array): void;
  /** For everything else. */
  err(text: string): void;
  /** Resolves once there is room again for what `out` takes: a reader that is slow must not fill the memory. Rejects once there is no reader. */
  drained(): Promise<void>;
  /** stdin. */
  input(): AsyncIterable<Uint8Array>;
  /** Whether somebody looks at what `err` writes. */
  readonly isWatched: boolean;
}

/** The process's own streams. */
export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  drained: async () => {
    const { stdout } = process;
    if (stdout.destroyed || stdout.errored !== null) throw new ReaderGoneError();
    if (!stdout.writableNeedDrain) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const gone = (): void => reject(new ReaderGoneError());
    stdout.once("drain", resolve).once("error", gone).once("close", gone);
    await promise.finally(() => stdout.off("drain", resolve).off("error", gone).off("close", gone));
  },
  input: () => process.stdin,
  isWatched: process.stderr.isTTY,
};

/** Nobody reads any more what is printed, as in `eraft scan | head`. */
export class ReaderGoneError extends Error {
  override readonly name = "ReaderGoneError";
}

/**
 * A reader that goes away, as in `eraft wal dump DIR | head`, or a log collector that dies, would otherwise end this process with an
 * uncaught EPIPE.
 */
export function ignoreClosedStreams(): void {
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
}
