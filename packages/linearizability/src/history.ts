/** One client, sequential by definition: it has at most one operation under way. A non-negative safe integer. */
export type ClientId = number;

interface Invocation<Input> {
  readonly client: ClientId;
  /** When the request was about to be sent, read from the one monotonic clock of the whole history; any unit. */
  readonly call: number;
  readonly input: Input;
}

/** The operation was answered. */
export interface OkOperation<Input, Output> extends Invocation<Input> {
  readonly outcome: "ok";
  /** When the answer had been received, on the clock of `call`; not before it. */
  readonly return: number;
  readonly output: Output;
}

/**
 * Nobody knows whether the operation took effect (a timeout, a lost connection, a leader that stepped down). It may do so at any
 * time after its call, even after the last event of the history; so it has no return time, and its client issues nothing more.
 */
export interface UnknownOperation<Input> extends Invocation<Input> {
  readonly outcome: "unknown";
}

/** The operation certainly did not take effect and never will. */
export interface FailedOperation<Input> extends Invocation<Input> {
  readonly outcome: "failed";
  readonly return: number;
}

/** What one client asked for, and what became of it. Plain data; survives JSON if `Input` and `Output` do. */
export type Operation<Input, Output> =
  | OkOperation<Input, Output>
  | UnknownOperation<Input>
  | FailedOperation<Input>;

/** An operation as a checker sees it: it took effect between `call` and `return`, or perhaps never if it has no reply. */
export interface Interval<Input, Output> {
  /** Position in the history that was handed in. */
  readonly index: number;
  readonly client: ClientId;
  readonly call: number;
  /** Infinity when the outcome is unknown. */
  readonly return: number;
  readonly input: Input;
  /** What the client was told; null when the outcome is unknown. */
  readonly reply: { readonly output: Output } | null;
}

/**
 * - `badClient`: not a non-negative safe integer.
 * - `badTime`: a call or return that is not a finite number, or a return before its call.
 * - `overlap`: a client called while its previous operation was still under way.
 * - `callAfterUnknown`: a client went on after an unknown outcome. The lost request may still take effect *during* the later
 *   operations, so they are not those of one sequential client: continue under a new client id.
 * - `badInput`: an operation that this checker cannot judge.
 */
export type HistoryErrorCode = "badClient" | "badTime" | "overlap" | "callAfterUnknown" | "badInput";

/** The history was recorded wrongly, so no verdict on it would mean anything. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
  readonly code: HistoryErrorCode;
  /** Position of the offending operation in the history. */
  readonly index: number;

  constructor(code: HistoryErrorCode, index: number, message: string) {
    super(`operation ${index}: ${message}`);
    this.code = code;
    this.index = index;
  }
}

/**
 * Checks that a history obeys the rules of recording, whoever the clients and whatever the model.
 *
 * A call at the very time of the same client's previous return is accepted; the two then count as concurrent, because a coarse
 * clock cannot tell, and a checker must not complain of an order that nobody observed.
 *
 * @throws HistoryError at the first operation, by call time, that breaks a rule
 */
export function validateHistory<Input, Output>(history: readonly Operation<Input, Output>[]): void {
  for (const [index, operation] of history.entries()) validateOperation(operation, index);
  const previous = new Map<ClientId, number>();
  for (const index of orderByCall(history)) {
    const operation = history[index]!;
    const before = previous.get(operation.client);
    if (before !== undefined) validateSuccession(history[before]!, before, operation, index);
    previous.set(operation.client, index);
  }
}

/**
 * The operations that constrain an order: definite failures never happened, and a read whose answer was lost tells nothing.
 *
 * @throws HistoryError as `validateHistory`
 */
export function toIntervals<Input, Output>(
  history: readonly Operation<Input, Output>[],
  isRead: (input: Input) => boolean,
): Interval<Input, Output>[] {
  validateHistory(history);
  const intervals: Interval<Input, Output>[] = [];
  for (const [index, operation] of history.entries()) {
    const { client, call, input } = operation;
    if (operation.outcome === "ok") {
      intervals.push({
        index,
        client,
        call,
        return: operation.return,
        input,
        reply: { output: operation.output },
      });
    } else if (operation.outcome === "unknown" && !isRead(input)) {
      intervals.push({ index, client, call, return: Infinity, input, reply: null });
    }
  }
  return intervals;
}

function validateOperation(operation: Operation<unknown, unknown>, index: number): void {
  const { client, call, outcome } = operation;
  if (!Number.isSafeInteger(client) || client < 0) {
    throw new HistoryError("badClient", index, `client ${client} is not a non-negative safe integer`);
  }
  if (!Number.isFinite(call)) throw new HistoryError("badTime", index, `call time ${call} is not finite`);
  if (outcome === "unknown") return;
  if (!Number.isFinite(operation.return)) {
    throw new HistoryError(
      "badTime",
      index,
      `return time ${operation.return} of a known outcome is not finite`,
    );
  }
  if (operation.return < call) {
    throw new HistoryError("badTime", index, `returned at ${operation.return}, before its call at ${call}`);
  }
}

function validateSuccession(
  before: Operation<unknown, unknown>,
  beforeIndex: number,
  operation: Operation<unknown, unknown>,
  index: number,
): void {
  const who = `client ${operation.client} called at ${operation.call}`;
  if (before.outcome === "unknown") {
    const why = `although the outcome of its operation ${beforeIndex} is unknown: use a new client id`;
    throw new HistoryError("callAfterUnknown", index, `${who} ${why}`);
  }
  if (before.return > operation.call) {
    const why = `while its operation ${beforeIndex} was under way until ${before.return}`;
    throw new HistoryError("overlap", index, `${who} ${why}`);
  }
}

/**
 * Indexes by call time. At one time of one client, what returned comes first: an operation of no duration and the one that
 * follows it may share a tick of a coarse clock, and the lost one can only be the last.
 */
function orderByCall(history: readonly Operation<unknown, unknown>[]): number[] {
  const returnOf = (operation: Operation<unknown, unknown>): number =>
    operation.outcome === "unknown" ? Infinity : operation.return;
  return [...history.keys()].toSorted((a, b) => {
    const [x, y] = [history[a]!, history[b]!];
    if (x.call !== y.call) return x.call - y.call;
    const [xReturn, yReturn] = [returnOf(x), returnOf(y)];
    return xReturn === yReturn ? a - b : xReturn - yReturn;
  });
}
