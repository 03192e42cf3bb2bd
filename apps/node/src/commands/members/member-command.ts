import { setTimeout } from "node:timers/promises";
import { Admin } from "../../client/admin.ts";
import { withConnections } from "../../client/with-client.ts";
import { type Address, clusterToAsk, parseAddress, parseId } from "../../cluster.ts";
import { UsageError } from "../../errors.ts";
import { ExitCode } from "../../exit-code.ts";
import { type Flag, FlagValueError, integer, onOff } from "../../flags.ts";
import type { Io } from "../../io.ts";
import type { Goal } from "../../members/goals.ts";
import { type Pursued, pursue } from "../../members/pursue.ts";
import type { MembersView } from "../../members/view.ts";

/** The flags of the commands that change members. */
export const CHANGE_FLAGS: {
  readonly cluster: Flag<readonly Address[]>;
  readonly "timeout-ms": Flag<number>;
  readonly "no-wait": Flag<boolean>;
} = {
  cluster: clusterToAsk,
  "timeout-ms": integer({
    help: "give up when nothing has come forward for this long (default 30000)",
    min: 1,
    max: 3_600_000,
    fallback: { value: 30_000 },
  }),
  "no-wait": onOff("return as soon as the change is certain, and let the cluster finish it by itself"),
};

interface ChangeFlags {
  readonly cluster: readonly Address[];
  readonly "timeout-ms": number;
  readonly "no-wait": boolean;
}

/**
 * Reaches the goals that `plan` makes of how things are, one after the other, telling on stderr what it waits for. Rejects with a CommandError.
 */
export async function reach(
  flags: ChangeFlags,
  io: Io,
  plan: (view: MembersView) => readonly Goal[],
): Promise<ExitCode> {
  return withConnections(async (connect) => {
    const admin = new Admin(
      flags.cluster.map(({ text }) => text),
      connect,
    );
    const goals = plan((await admin.look()).view);
    for (const [at, goal] of goals.entries()) {
      const isLast = at === goals.length - 1;
      const pursued = await pursue(goal, {
        admin,
        say: (line) => io.err(`eraft: ${line}\n`),
        // What is to follow needs what comes before.
        waits: !flags["no-wait"] || !isLast,
        patienceMs: flags["timeout-ms"],
        now: () => performance.now(),
        sleep: (ms) => setTimeout(ms),
      });
      io.out(`${resultLine(goal, pursued)}\n`);
    }
    return ExitCode.ok;
  });
}

function resultLine(goal: Goal, { view, isDone }: Pursued): string {
  return isDone
    ? goal.result(view)
    : "the change is made, and the cluster finishes it by itself: eraft member list shows it";
}

/** Throws a UsageError of `command`. */
export function idOperand(command: string, text: string): number {
  return operand(command, () => parseId(text));
}

/** Throws a UsageError of `command`. */
export function addressOperand(command: string, text: string): string {
  return operand(command, () => parseAddress(text).text);
}

function operand<T>(command: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FlagValueError) throw new UsageError(error.message, command);
    throw error;
  }
}
