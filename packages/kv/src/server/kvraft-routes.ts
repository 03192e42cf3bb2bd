import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Clock, RoleName } from "@eraft/core";
import {
  type CommandRequest,
  type CommandResponse,
  CommandResponseSchema,
  type GetStatusResponse,
  GetStatusResponseSchema,
  KVService,
  Op,
} from "@eraft/proto/kvraftpb";
import { NotLeaderError, OutcomeUnknownError, RaftError, TransferringError } from "@eraft/runtime";
import { MAX_TIMER_MS, systemClock } from "../clock.ts";
import { type KvLimits, STATE_LIMITS, commandFault, encodeCommand, sizesFault } from "../state/command.ts";
import { textOf } from "../state/byte-string.ts";
import { locate } from "../state/command-bytes.ts";
import { faultMessage } from "../state/fault-message.ts";
import { KvInvalidArgumentError, KvNotTextError } from "../errors.ts";
import type { KvNode } from "./node.ts";
import { type CallSignal, TimeLimits, type WaitSignal } from "./time-limits.ts";
import {
  CONSISTENCIES,
  CONSISTENCY_HEADER,
  type KvConsistency,
  LEADER_HEADER,
  type WireError,
} from "../protocol.ts";
import { type KvTextResult, NO_KEY, WRITTEN, isTextResult, refused } from "../state/result.ts";

export interface KvRoutesOptions {
  /** Time after which a command is answered with `ErrTimeout`, in milliseconds (default 500, as the Go servers). */
  readonly timeLimitMs?: number;
  /** Longest key that this server accepts, in bytes of UTF-8: 1 to {@link MAX_KEY_BYTES}, the default. */
  readonly maxKeyBytes?: number;
  /** Largest value that this server accepts in a command, in bytes of UTF-8: 1 to {@link MAX_VALUE_BYTES}, the default. */
  readonly maxValueBytes?: number;
  /** Time; for tests and simulations. */
  readonly clock?: Clock;
}

/** What a call needs to know of its caller; Connect's `HandlerContext` has it. */
export interface KvCallContext {
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: CallSignal;
  /** Milliseconds until the caller's deadline; undefined without one. */
  timeoutMs(): number | undefined;
  readonly responseHeader: Headers;
  readonly requestHeader?: Headers;
  /** One of these, without making all of them; undefined if it is not there. */
  requestHeaderValue?(name: string): string | undefined;
}

/** `kvraftpb.KVService` as functions, for a server that does not use Connect's router. */
export interface KvService {
  readonly command: (request: CommandRequest, context: KvCallContext) => Promise<CommandResponse>;
  /**
   * The same for the bytes of a request, with those of the answer, at half the cost. Null for a request that it leaves to `command`: one that is no command, or not
   * written as most are. Keeps nothing of `request`.
   */
  readonly commandBytes: (request: Uint8Array, context: KvCallContext) => Promise<Uint8Array> | null;
  readonly getStatus: () => GetStatusResponse;
}

/**
 * Serves `kvraftpb.KVService` from `node`: for example `connectNodeAdapter({ routes: kvRoutes(node) })`.
 *
 * `err` is always one of four strings; whatever they cannot say is a status code: INVALID_ARGUMENT for a command that can never be
 * done (nothing was proposed), FAILED_PRECONDITION for one that the present state does not admit, RESOURCE_EXHAUSTED for too
 * many at a time, UNAVAILABLE for a node that does not serve.
 */
export function kvRoutes(node: KvNode, options: KvRoutesOptions = {}): (router: ConnectRouter) => void {
  const { command, getStatus } = kvService(node, options);
  return (router) => {
    router.service(KVService, { command, getStatus: () => getStatus() });
  };
}

/** The functions behind {@link kvRoutes}. */
export function kvService(node: KvNode, options: KvRoutesOptions = {}): KvService {
  const settings = checkOptions(options);
  const limits = new TimeLimits(settings.clock, settings.timeLimitMs);
  return {
    command: (request, context) => handleCommand(node, settings, limits, request, context),
    commandBytes: (request, context) => handleBytes(node, settings, limits, request, context),
    getStatus: () => statusResponse(node),
  };
}

interface Settings extends KvLimits {
  readonly timeLimitMs: number;
  readonly clock: Clock;
}

async function handleCommand(
  node: KvNode,
  settings: Settings,
  limits: TimeLimits,
  request: CommandRequest,
  context: KvCallContext,
): Promise<CommandResponse> {
  const fault = commandFault(request, settings);
  if (fault !== null) throw new ConnectError(faultMessage(fault, settings), Code.InvalidArgument);
  const consistency = request.op === Op.GET ? consistencyOf(context) : "linearizable";
  let result: KvTextResult | null;
  try {
    result = await limits.run(context, (signal) => execute(node, request, { signal, consistency }));
  } catch (error) {
    return errorResponse(error, context);
  }
  return result === null ? response("ErrTimeout") : resultResponse(result);
}

function handleBytes(
  node: KvNode,
  settings: Settings,
  limits: TimeLimits,
  bytes: Uint8Array,
  context: KvCallContext,
): Promise<Uint8Array> | null {
  const located = locate(bytes);
  if (located === null) return null;
  const { op, keyFrom, keyTo, valueFrom, valueTo } = located;
  const fault = sizesFault(op, keyTo - keyFrom, valueTo - valueFrom, settings);
  if (fault !== null) throw new ConnectError(faultMessage(fault, settings), Code.InvalidArgument);
  if (op === Op.GET) {
    const key = textOf(bytes.subarray(keyFrom, keyTo));
    if (key === null) return null;
    const consistency = consistencyOf(context);
    const read = limits.run(context, (signal) => node.read({ key }, { signal, consistency }));
    return read.then(
      (value) => encodeResponse(value === null ? response("ErrTimeout") : resultResponse(readResult(value))),
      (error: unknown) => encodeResponse(errorResponse(error, context)),
    );
  }
  // They are what `encodeCommand` would make of the request: that is what `locate` looks for.
  const proposed = limits.run(context, (signal) => node.propose(bytes, { signal }));
  return proposed.then(
    (result) => {
      if (result === WRITTEN) return WRITTEN_BYTES;
      return encodeResponse(result === null ? response("ErrTimeout") : resultResponse(textResult(result)));
    },
    (error: unknown) => encodeResponse(errorResponse(error, context)),
  );
}

/** Of a word that it does not know, a server must not guess which promise it was to keep. */
function consistencyOf(context: KvCallContext): KvConsistency {
  const given =
    (context.requestHeaderValue === undefined
      ? context.requestHeader?.get(CONSISTENCY_HEADER)
      : context.requestHeaderValue(CONSISTENCY_HEADER)) ?? "linearizable";
  const known = CONSISTENCIES.find((consistency) => consistency === given);
  if (known !== undefined) return known;
  const text = `${CONSISTENCY_HEADER} is ${JSON.stringify(given)}, not one of ${CONSISTENCIES.join(", ")}`;
  throw new ConnectError(text, Code.InvalidArgument);
}

async function execute(
  node: KvNode,
  request: CommandRequest,
  options: { readonly signal: WaitSignal; readonly consistency: KvConsistency },
): Promise<KvTextResult> {
  if (request.op === Op.GET) {
    return readResult(await node.read({ key: request.key }, options));
  }
  return textResult(await node.propose(encodeCommand(request), { signal: options.signal }));
}

function readResult(value: unknown): KvTextResult {
  if (value === undefined) return NO_KEY;
  if (typeof value === "string") return { status: "ok", value };
  throw new NoStoreError();
}

function textResult(result: unknown): KvTextResult {
  if (isTextResult(result)) return result;
  throw new NoStoreError();
}

class NoStoreError extends Error {
  override readonly name = "NoStoreError";

  constructor() {
    super("the node's state machine is not a key-value store");
  }
}

function resultResponse(result: KvTextResult): CommandResponse {
  switch (result.status) {
    case "ok":
      return response("OK", result.value);
    case "noKey":
      return response("ErrNoKey");
    case "refused":
      throw new ConnectError(faultMessage(result.reason), Code.FailedPrecondition);
  }
}

/** Translates, once and here, what the node says into what the caller should do next. */
function errorResponse(error: unknown, context: KvCallContext): CommandResponse {
  if (error instanceof NotLeaderError) {
    setLeaderHint(context.responseHeader, error.leaderAddress);
    return response("ErrWrongLeader");
  }
  // It will be another server in a moment, and then it can say which.
  if (error instanceof TransferringError) return response("ErrWrongLeader");
  // The Go contract has no better word for "it may have been done": retry with the same ids.
  if (error instanceof OutcomeUnknownError) return response("ErrTimeout");
  if (error instanceof RaftError) throw statusError(error);
  if (error instanceof KvNotTextError) return resultResponse(refused("notText"));
  throw error;
}

function statusError(error: RaftError): ConnectError {
  switch (error.code) {
    case "BUSY":
      return new ConnectError(error.message, Code.ResourceExhausted);
    case "INVALID_COMMAND":
      return new ConnectError(error.message, Code.InvalidArgument);
    case "NOT_STARTED":
    case "STOPPED":
      return new ConnectError(error.message, Code.Unavailable);
    case "STORAGE_FAILED":
    case "STATE_MACHINE_FAILED":
    case "TRANSPORT_FAILED":
    case "INVARIANT_BROKEN":
      // The messages of these name files and addresses of the server, which are no business of its clients.
      return new ConnectError(`This server has failed (${error.code}). Ask another one.`, Code.Unavailable);
    case "INVALID_OPTION":
    case "NOT_LEADER":
    case "TRANSFERRING":
    case "TRANSFER_FAILED":
    case "CHANGE_PENDING":
    case "CHANGE_REFUSED":
    case "OUTCOME_UNKNOWN":
    case "SESSION_EXPIRED":
    case "TIMEOUT":
      return new ConnectError(error.message, Code.Internal);
  }
}

/** An address that cannot be a header's value is left out: without the hint clients find the leader all the same. */
function setLeaderHint(headers: Headers, address: string | null): void {
  if (address !== null && /^[\x21-\x7e]+$/.test(address)) headers.set(LEADER_HEADER, address);
}

function response(err: WireError, value = ""): CommandResponse {
  return create(CommandResponseSchema, { err, value });
}

function encodeResponse(message: CommandResponse): Uint8Array {
  return toBinary(CommandResponseSchema, message);
}

/** The answer to nearly every write. */
const WRITTEN_BYTES = encodeResponse(response("OK"));

const STATE_NAMES: Readonly<Record<RoleName, string>> = {
  follower: "Follower",
  // The contract knows no other word for a server that seeks to be elected.
  preCandidate: "Candidate",
  candidate: "Candidate",
  leader: "Leader",
};

function statusResponse(node: KvNode): GetStatusResponse {
  const status = node.status();
  if (status.role === null) throw new ConnectError("This server does not serve.", Code.Unavailable);
  return create(GetStatusResponseSchema, {
    id: BigInt(status.id),
    state: STATE_NAMES[status.role],
    term: BigInt(status.term),
    lastApplied: BigInt(status.lastApplied),
    commitIndex: BigInt(status.commitIndex),
    storageSize: BigInt(status.storageBytes),
  });
}

function checkOptions(options: KvRoutesOptions): Settings {
  const timeLimitMs = options.timeLimitMs ?? 500;
  if (!(timeLimitMs > 0 && timeLimitMs <= MAX_TIMER_MS)) {
    throw new KvInvalidArgumentError(`timeLimitMs is ${timeLimitMs}, not above 0 and below 2^31`);
  }
  return {
    timeLimitMs,
    clock: options.clock ?? systemClock,
    maxKeyBytes: checkLimit("maxKeyBytes", options.maxKeyBytes, STATE_LIMITS.maxKeyBytes),
    maxValueBytes: checkLimit("maxValueBytes", options.maxValueBytes, STATE_LIMITS.maxValueBytes),
  };
}

/** A server may be stricter than the state machine, but not more generous: what it lets through would be refused when applied. */
function checkLimit(name: string, limit: number | undefined, most: number): number {
  if (limit === undefined) return most;
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new KvInvalidArgumentError(`${name} is ${limit}, not a whole number from 1 to ${most}`);
}
