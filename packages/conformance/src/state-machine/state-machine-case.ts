import { type Case, defineCase } from "../common/case.ts";
import type { Witness } from "../common/witness.ts";
import { MIN_COMMANDS, type StateMachineHarness } from "./harness.ts";
import { Replica } from "./replica.ts";

/** What a case works with: as many replicas as it likes. */
export interface Cluster<Query, Result, Answer> {
  readonly witness: Witness;
  readonly harness: StateMachineHarness<Query, Result, Answer>;
  /** Another server, which has applied nothing. */
  readonly replica: () => Promise<Replica<Query, Result, Answer>>;
  /** Another server, which has applied the first `count` commands. */
  readonly replicaAfter: (count: number) => Promise<Replica<Query, Result, Answer>>;
}

export type CaseMaker<Query, Result, Answer> = (
  method: string,
  name: string,
  body: (cluster: Cluster<Query, Result, Answer>) => Promise<void>,
) => Case;

export function caseMaker<Query, Result, Answer>(
  harness: StateMachineHarness<Query, Result, Answer>,
): CaseMaker<Query, Result, Answer> {
  const { commands, queries } = harness;
  if (commands.length < MIN_COMMANDS)
    throw new RangeError(`at least ${MIN_COMMANDS} commands, not ${commands.length}`);
  if (commands.some((command) => command.length === 0)) throw new RangeError("a command is never empty");
  if (queries.length === 0) throw new RangeError("at least one query");
  return (method, name, body) =>
    defineCase(`StateMachine.${method}`, name, async (witness) => {
      const replica = () => Replica.open(harness, witness);
      const replicaAfter = async (count: number) => {
        const opened = await replica();
        await opened.apply(commands.slice(0, count));
        return opened;
      };
      await body({ witness, harness, replica, replicaAfter });
    });
}

/** How far into a history of `length` commands the cases take their snapshots: nothing, a little, the middle, all. */
export function momentsOf(length: number): readonly number[] {
  return [0, 1, Math.floor(length / 2), length];
}
