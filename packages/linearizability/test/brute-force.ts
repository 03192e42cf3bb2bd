import type { Operation } from "../src/index.ts";

/** A sequential specification in its plainest form: state and answer, nothing for the checker's speed. */
export type Apply<State, Input, Output> = (state: State, input: Input) => readonly [State, Output];

/**
 * The definition of linearizability, read aloud: is there a subset of the operations with all acknowledged ones, and an order of it
 * that keeps every "returned before called", in which every answer is right? Tries all; for a handful of operations.
 */
export function bruteForce<State, Input, Output>(
  apply: Apply<State, Input, Output>,
  init: State,
  history: readonly Operation<Input, Output>[],
): "linearizable" | "illegal" {
  const operations = history.filter(({ outcome }) => outcome !== "failed");
  const extend = (state: State, rest: readonly Operation<Input, Output>[]): boolean => {
    if (rest.every(({ outcome }) => outcome === "unknown")) return true;
    return rest.some((operation) => {
      const others = rest.filter((other) => other !== operation);
      const mustComeFirst = others.some((other) => other.outcome === "ok" && other.return < operation.call);
      if (mustComeFirst) return false;
      const [after, output] = apply(state, operation.input);
      if (operation.outcome === "ok" && operation.output !== output) return false;
      return extend(after, others);
    });
  };
  return extend(init, operations) ? "linearizable" : "illegal";
}
