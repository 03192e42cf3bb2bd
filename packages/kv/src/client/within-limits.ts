import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "@eraft/core";

/** Limits of one attempt. */
export interface AttemptLimits {
  readonly timeoutMs: number;
  /** Ends the attempt early. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Runs `call` until it settles, the time is up or the signal aborts, whatever is first; aborts it in the latter two cases. */
export async function withinLimits<T>(
  { timeoutMs, signal, clock }: AttemptLimits,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (error: Error): void => {
    reject(error);
    controller.abort(error);
  };
  const onAbort = (): void => stop(new ConnectError("the call was given up", Code.Canceled));
  const cancelTimer = clock.after(timeoutMs, () =>
    stop(new ConnectError(`no answer within ${Math.round(timeoutMs)} ms`, Code.DeadlineExceeded)),
  );
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([stopped, call(controller.signal)]);
  } finally {
    cancelTimer();
    signal.removeEventListener("abort", onAbort);
  }
}
