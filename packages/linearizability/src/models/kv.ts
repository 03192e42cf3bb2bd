import { HASH_SEED, hashText } from "../hash.ts";
import type { Model, Observation, Step } from "../model.ts";

/** An operation of a key-value store. `append` to an absent key is `put`. */
export type KvInput =
  | { readonly type: "get"; readonly key: string }
  | { readonly type: "put"; readonly key: string; readonly value: string }
  | { readonly type: "append"; readonly key: string; readonly value: string };

/** The value of a `get`; null for an absent key, and always null for `put` and `append`, which answer nothing. */
export type KvOutput = string | null;

/** One key. The hash grows with the value. */
export interface KvState {
  readonly value: string | null;
  readonly hash: number;
}

export interface KvModelOptions {
  /** What `get` answers for a key never written. Null by default; `""` for a store that cannot tell absent from empty. */
  readonly absent?: "" | null;
}

/** A key-value store, partitioned by key. */
export function createKvModel(options: KvModelOptions = {}): Model<KvState, KvInput, KvOutput> {
  const initial = stateOf(options.absent ?? null);
  return {
    init: () => initial,
    step,
    matches: (expected, observed) => expected === observed,
    hash: (state) => state.hash,
    equals: (a, b) => a === b || (a.hash === b.hash && a.value === b.value),
    isRead: (input) => input.type === "get",
    partition: (input) => input.key,
    mayDependOn,
    stateShownBy: (_, output) => stateOf(output),
    describeInput: (input) =>
      input.type === "get"
        ? `get ${input.key}`
        : `${input.type} ${input.key} ${input.type === "put" ? "=" : "+"} ${JSON.stringify(input.value)}`,
    describeOutput: (input, output) => (input.type === "get" ? describeValue(output) : "ok"),
    describeState: (state) => describeValue(state.value),
  };
}

/** The key-value store in which an absent key reads as null. */
export const kvModel: Model<KvState, KvInput, KvOutput> = createKvModel();

function step(state: KvState, input: KvInput): Step<KvState, KvOutput> {
  switch (input.type) {
    case "get":
      return { state, output: state.value };
    case "put":
      return { state: stateOf(input.value), output: null };
    case "append":
      if (state.value === null) return { state: stateOf(input.value), output: null };
      return {
        state: { value: state.value + input.value, hash: hashText(input.value, state.hash) },
        output: null,
      };
  }
}

function stateOf(value: string | null): KvState {
  return { value, hash: value === null ? 0 : hashText(value, HASH_SEED) };
}

/**
 * Every get between a put and the next put returns a value that begins with that of the put, and every get between an append and
 * the next put returns one that contains the appended text. If no get does, none stands there, and nobody can miss the write.
 */
function mayDependOn({ input, reply }: Observation<KvInput, KvOutput>, written: KvInput): boolean {
  if (input.type !== "get" || written.type === "get" || reply === null || reply.output === null) return false;
  return written.type === "put"
    ? reply.output.startsWith(written.value)
    : reply.output.includes(written.value);
}

function describeValue(value: string | null): string {
  return value === null ? "absent" : JSON.stringify(value);
}
