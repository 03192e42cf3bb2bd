import type { Admin, Look } from "../client/admin.ts";
import { CommandError } from "../errors.ts";
import { ExitCode } from "../exit-code.ts";
import { memberIn } from "./view.ts";

const LOOK_EVERY_MS = 100;

export interface HandOverOptions {
  readonly admin: Pick<Admin, "look" | "transfer">;
  readonly timeoutMs: number;
  /** Milliseconds from an arbitrary start. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Makes `to`, or null for whoever is best prepared, the leader. Resolves, once another node leads, with a line that says which. Rejects with a
 * CommandError that says what is the case.
 */
export async function handOver(to: number | null, options: HandOverOptions): Promise<string> {
  const { admin, timeoutMs, now, sleep } = options;
  const endMs = now() + timeoutMs;
  let before: number | null = null;
  let reason = "there is no leader";
  let mayBeDone = false;
  while (now() < endMs) {
    const look = await lookAgain(admin, before !== null);
    const leader = look?.isLeaders === true ? look.view.leader : null;
    if (look === null || leader === null) {
      await sleep(LOOK_EVERY_MS);
      continue;
    }
    const { view } = look;
    if (to === null ? before !== null && leader.id !== before : leader.id === to) {
      return `node ${leader.id} leads${before === null ? " already" : ""}, in term ${view.term}`;
    }
    const member = to === null ? null : memberIn(view, to);
    if (to !== null && member?.standing !== "voter") {
      const what = member === null ? "not a member" : `${member.standing}, not voter`;
      throw new CommandError(`node ${to} cannot lead: ${what}; nothing was done`);
    }
    before ??= leader.id;
    const limit = AbortSignal.timeout(Math.max(1, Math.ceil(endMs - now())));
    const answer = await admin.transfer(view, to, limit);
    mayBeDone ||= answer.type === "unknown";
    if (answer.type !== "done") reason = answer.text;
    if (answer.type === "refused" && (answer.reason === "impossible" || answer.reason === "noSuccessor")) {
      throw new CommandError(`node ${leader.id} leads as before: ${answer.text}`);
    }
    await sleep(LOOK_EVERY_MS);
  }
  const exitCode = mayBeDone ? ExitCode.outcomeUnknown : ExitCode.failure;
  const what = mayBeDone ? "it may have been done: eraft status tells who leads" : "nothing was done";
  throw new CommandError(`no answer from the cluster, ${what} (${reason})`, exitCode);
}

/** Null where it is no failure that nobody answers: between two leaders. */
async function lookAgain(admin: HandOverOptions["admin"], isTolerant: boolean): Promise<Look | null> {
  try {
    return await admin.look();
  } catch (error) {
    if (isTolerant && error instanceof CommandError) return null;
    throw error;
  }
}
