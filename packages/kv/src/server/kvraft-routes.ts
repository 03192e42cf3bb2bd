import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import type { Clock, RoleName } from "@eraft/core";
import {
  type CommandRequest,
  type CommandResponse,
  type GetStatusResponse,
  GetStatusResponseSchema,
  KVService,
  Op,
} from "@eraft/proto/kvraftpb";
import { MAX_TIMER_MS, systemClock } from "../clock.ts";
import { KvInvalidArgumentError } from "../errors.ts";
import type { KvConsistency } from "../protocol.ts";
import { type KvLimits, STATE_LIMITS, commandFault, encodeCommand } from "../state/command.ts";
import { faultMessage } from "../state/fault-message.ts";
import type { KvTextResult } from "../state/result.ts";
import { errorResponse, readResult, response, resultResponse, textResult } from "./kvraft-answers.ts";
import { KvraftBytes } from "./kvraft-bytes.ts";
import { type KvCallContext, consistencyOf } from "./kvraft-context.ts";
import { NextLeader } from "./next-leader.ts";
import type { KvNode } from "./node.ts";
import { TimeLimits, type WaitSignal } from "./time-limits.ts";

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
  const nextLeader = new NextLeader(node, settings.clock);
  const bytes = new KvraftBytes(node, settings, limits, nextLeader);
  const parts = { node, settings, limits, nextLeader };
  return {
    command: (request, context) => handleCommand(parts, request, context),
    commandBytes: (request, context) => bytes.handle(request, context),
    getStatus: () => statusResponse(node),
  };
}

interface Settings extends KvLimits {
  readonly timeLimitMs: number;
  readonly clock: Clock;
}

interface Parts {
  readonly node: KvNode;
  readonly settings: Settings;
  readonly limits: TimeLimits;
  readonly nextLeader: NextLeader;
}

async function handleCommand(
  { node, settings, limits, nextLeader }: Parts,
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
    return errorResponse(await nextLeader.errorFor(error, context.signal), context);
  }
  return result === null ? response("ErrTimeout") : resultResponse(result);
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
