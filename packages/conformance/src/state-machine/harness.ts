import type { StateMachine } from "@eraft/core";

/** What the kit needs to know of a state machine: where to get one, what to ask of it, and what more it claims than the port. */
export interface StateMachineHarness<Query, Result, Answer> {
  /** A new state machine that reflects nothing and has not been opened. */
  readonly create: () => StateMachine<Query, Result, Answer>;
  /**
   * A history, at least {@link MIN_COMMANDS} commands, none of them empty. The more they depend on each other, the more the cases see: the
   * same command twice, one that undoes another, one that is refused. They are applied in this order, and more than once.
   */
  readonly commands: readonly Uint8Array[];
  /** At least one: together their answers should show all of the state that queries can show. */
  readonly queries: readonly Query[];
  readonly supports?: Partial<StateMachineSupport>;
  /** For a state machine that keeps a disk of its own: a new, empty one. What `create` makes has one that nobody else has. */
  readonly disk?: () => StateMachineDisk<Query, Result, Answer>;
}

/** The disk of one server, which outlives its processes. */
export interface StateMachineDisk<Query, Result, Answer> {
  /** A state machine over what the disk holds; the case opens it. One at a time. */
  readonly create: () => StateMachine<Query, Result, Answer>;
  /** The process that uses it is gone at once: of what it has under way the disk has nothing, all, or a part, as it happens. Then another one may come. */
  readonly crash: () => Promise<void> | void;
}

/** Below this, batches and prefixes of the history are hardly different from each other. */
export const MIN_COMMANDS = 8;

/** Good properties that the port does not ask for. */
export interface StateMachineSupport {
  /** Equal states have equal snapshots, byte for byte. Lets the cases compare what no query shows. */
  readonly equalSnapshots: boolean;
  /** A snapshot that was cut short, or of which one bit was changed, is refused by `restore`. */
  readonly detectsDamage: boolean;
  /** When `restore` rejects, the old state is still there. */
  readonly keepsStateOnRejection: boolean;
  /** State and results do not depend on the indexes at which commands came. One that names things after them says false. */
  readonly ignoresIndexes: boolean;
}

/** What is assumed where the harness says nothing. */
export const DEFAULT_STATE_MACHINE_SUPPORT: StateMachineSupport = {
  equalSnapshots: false,
  detectsDamage: false,
  keepsStateOnRejection: false,
  ignoresIndexes: true,
};
