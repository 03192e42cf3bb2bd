/** What an operation does to an object, and what it answers. */
export interface Step<State, Output> {
  readonly state: State;
  readonly output: Output;
}

/** An operation that was answered, as far as a model cares. */
export interface Observation<Input, Output> {
  readonly input: Input;
  /** Null when the outcome is unknown. */
  readonly reply: { readonly output: Output } | null;
}

/**
 * The sequential specification of an object: what it would do if clients came one at a time.
 *
 * A model is deterministic and total: `step` has an answer for every input in every state, an error being an answer too. States
 * are immutable. The checker keeps very many of them, so they should be small, or share what they have in common.
 */
export interface Model<State, Input, Output> {
  /** The state before the first operation (of each partition). */
  init(): State;

  /** What `input` does in `state`. Must not modify `state`; returns that same `state` when it changes nothing. */
  step(state: State, input: Input): Step<State, Output>;

  /** Whether a client that was told `observed` was told the truth. */
  matches(expected: Output, observed: Output): boolean;

  /** Equal states have equal hashes. An int32; the better it spreads, the faster the check. Never decides a verdict. */
  hash(state: State): number;

  /** Whether no sequence of operations can tell `a` and `b` apart. Must be exact: verdicts rest on it. */
  equals(a: State, b: State): boolean;

  /** Whether `input` never changes any state. Reads are searched for free, and one whose answer was lost is left out. */
  isRead(input: Input): boolean;

  /**
   * Which of several independent objects `input` is about, for example a key. A history is linearizable exactly if its part for
   * each object is (P-compositionality), and many small searches are far cheaper than one large one. Leave it out if there is
   * one object; operations about two objects at once need one partition for both.
   */
  partition?(input: Input): string;

  /**
   * Whether what `observation` was answered (or, without a reply, did) could be owed to `input`. An operation on which no other one
   * may depend must be such that it can be taken out of any correct history, from any state, leaving a correct history: the put
   * of a value that no get returned, for example. True if in doubt.
   *
   * Lost operations that nobody can have noticed then cost the search nothing, and a minimiser may drop writes: without this it
   * keeps them all, since without the put that it has seen, any get looks wrong.
   */
  mayDependOn?(observation: Observation<Input, Output>, input: Input): boolean;

  /**
   * The state in which `input`, a read, is answered with `output`, if the answer shows all of it. Then a minimiser may begin a long
   * history at a read. Without this method it always begins at the beginning.
   */
  stateShownBy?(input: Input, output: Output): State;

  /** For messages and pictures, like `put x = 1`. Unequal inputs have unequal descriptions: logged and asked are compared by them. */
  describeInput(input: Input): string;
  describeOutput(input: Input, output: Output): string;
  describeState(state: State): string;
}

/** The model contradicts itself, so no verdict by it would mean anything. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}
