/** What the exit code of every command means. */
export const ExitCode = {
  ok: 0,
  /** It could not be done; the line on stderr says why. */
  failure: 1,
  /** The command line is wrong; nothing was tried. */
  usage: 2,
  /** `get`, `delete`: there is no such key. */
  noSuchKey: 3,
  /** Of whatever writes, and of `member` and `transfer`: no answer came, and it may have been done, or may still be. */
  outcomeUnknown: 4,
  /** `cas`, `batch`: the condition did not hold, and nothing was done. */
  conditionFailed: 5,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
