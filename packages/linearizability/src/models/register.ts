import { hashText } from "../hash.ts";
import type { Model, Observation, Step } from "../model.ts";

export type RegisterValue = string | number | null;

/** An operation of one register. `cas` writes `value` if the register holds `expected`, and tells whether it did. */
export type RegisterInput =
  | { readonly type: "read" }
  | { readonly type: "write"; readonly value: RegisterValue }
  | { readonly type: "cas"; readonly expected: RegisterValue; readonly value: RegisterValue };

/** The value of a `read`, whether a `cas` wrote, null for a `write`. */
export type RegisterOutput = RegisterValue | boolean;

/** One register with compare-and-set, holding `initial` (null by default). One object: it has no partitions. */
export function createRegisterModel(
  initial: RegisterValue = null,
): Model<RegisterValue, RegisterInput, RegisterOutput> {
  return {
    init: () => initial,
    step,
    matches: (expected, observed) => expected === observed,
    hash: (state) => hashText(`${typeof state}${state}`),
    equals: (a, b) => a === b,
    isRead: (input) => input.type === "read",
    mayDependOn,
    stateShownBy: (_, output) => output as RegisterValue, // only a cas has a boolean
    describeInput,
    describeOutput: (input, output) => (input.type === "write" ? "ok" : JSON.stringify(output)),
    describeState: (state) => JSON.stringify(state),
  };
}

/** One register with compare-and-set that holds null at first. */
export const registerModel: Model<RegisterValue, RegisterInput, RegisterOutput> = createRegisterModel();

function step(state: RegisterValue, input: RegisterInput): Step<RegisterValue, RegisterOutput> {
  switch (input.type) {
    case "read":
      return { state, output: state };
    case "write":
      return { state: input.value, output: null };
    case "cas":
      return state === input.expected ? { state: input.value, output: true } : { state, output: false };
  }
}

/**
 * A write stands between two others unnoticed if nobody read its value. Beside a `cas` it is never sure: one that failed may have
 * failed because of it, and one whose reply is lost may have written because of it.
 */
function mayDependOn(
  { input, reply }: Observation<RegisterInput, RegisterOutput>,
  written: RegisterInput,
): boolean {
  if (input.type === "cas") return written.type !== "read";
  return input.type === "read" && written.type !== "read" && reply !== null && reply.output === written.value;
}

function describeInput(input: RegisterInput): string {
  switch (input.type) {
    case "read":
      return "read";
    case "write":
      return `write ${JSON.stringify(input.value)}`;
    case "cas":
      return `cas ${JSON.stringify(input.expected)} to ${JSON.stringify(input.value)}`;
  }
}
