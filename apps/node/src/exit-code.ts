/** What the exit code of every command means. */
export const ExitCode = {
  ok: 0,
  /** It could not be done; the line on stderr says why. */
  failure: 1,
  /** The command line is wrong; nothing was tried. */
  usage: 2,
  /** `get`: there is no such key. */
  noSuchKey: 3,
  /** `put`, `append`, `member`, `transfer`: no answer came, and it may have been done, or may still be. */
  outcomeUnknown: 4,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
