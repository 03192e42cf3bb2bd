import { type Client, ConnectError } from "@connectrpc/connect";
import { type CommandResponse, type KVService, Op } from "@eraft/proto/kvraftpb";
import type { KvCommand } from "../state/command.ts";
import { CONSISTENCY_HEADER, type KvConsistency, LEADER_HEADER } from "../protocol.ts";
import { type Verdict, failed, judgeStatus } from "./verdict.ts";
import { type AttemptLimits, withinLimits } from "./within-limits.ts";

/** What is sent. */
export interface KvCall {
  readonly command: KvCommand;
  /** For a GET. */
  readonly consistency: KvConsistency;
}

/**
 * Sends a command of `kvraftpb` once. Never rejects, and takes no longer than it may even if the transport ignores its signal. The answer to a GET is the
 * value, null for a key that is not there.
 */
export async function attempt(
  client: Client<typeof KVService>,
  { command, consistency }: KvCall,
  limits: AttemptLimits,
): Promise<Verdict<string | null>> {
  let hint: string | null = null;
  try {
    const response = await withinLimits(limits, (signal) =>
      client.command(command, {
        signal,
        timeoutMs: limits.timeoutMs,
        // Without it, the message is one that the Go nodes have always got.
        ...(consistency === "linearizable" ? {} : { headers: { [CONSISTENCY_HEADER]: consistency } }),
        onHeader: (headers) => (hint = headers.get(LEADER_HEADER)),
      }),
    );
    return judgeResponse(command, response, hint);
  } catch (error) {
    return judgeStatus(ConnectError.from(error));
  }
}

function judgeResponse(
  command: KvCommand,
  response: CommandResponse,
  hint: string | null,
): Verdict<string | null> {
  const isGet = command.op === Op.GET;
  switch (response.err) {
    case "OK":
      return { type: "answer", value: isGet ? response.value : "" };
    case "ErrNoKey":
      if (isGet) return { type: "answer", value: null };
      break;
    case "ErrWrongLeader":
      return failed(new Error("it is not the leader"), "none", { hint });
    case "ErrTimeout":
      return failed(new Error("it could not finish in time"), "possible");
    default:
      break;
  }
  // The Go clients take any other string for success, and so lose writes.
  return failed(new Error(`it answered ${JSON.stringify(response.err)}, which means nothing`), "possible");
}
