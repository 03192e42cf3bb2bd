import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import { type Codec, json } from "./codecs.ts";

/** What a state machine has to say where commands are values and not bytes. Deterministic, as the port `StateMachine` asks: no clock, no randomness, no I/O. */
export interface StateMachineDefinition<Command, Query, Result, Answer> {
  /** How commands are read; the same one is the node's option `codec`. Give it a check: anything may be in a log. */
  readonly commands: Codec<Command>;
  /** One command. What it throws stops this server, and every other one at the same entry: a command that cannot be done has a result that says so. */
  readonly apply: (command: Command, index: LogIndex) => Result | Promise<Result>;
  /** The result of bytes that `commands` cannot read. It is not told why: that may be worded differently elsewhere. */
  readonly malformed: (index: LogIndex) => Result;
  readonly query: (query: Query) => Answer | Promise<Answer>;
}

/** A state that is small enough to be written at once, between two commands: up to some megabytes. */
export interface WholeState<State> {
  /** How the state is written. Default: `json()`. */
  readonly states?: Codec<State>;
  /** The state as it is now. It is written before this function is called again, and before the next command. */
  readonly save: () => State;
  /** Replaces the state. */
  readonly load: (state: State) => void;
}

/** A state of any size, as the port has it. */
export type StreamedState = Pick<StateMachine, "snapshot" | "restore"> & Partial<Pick<StateMachine, "open">>;

const CHUNK_BYTES = 64 << 10;

/**
 * Makes the bytes-level port `StateMachine` from functions over typed commands. Bytes in the log that are no command give the result of `malformed`, and never
 * stop a server.
 */
export function defineStateMachine<Command, Query, Result, Answer = Result, State = unknown>(
  definition: StateMachineDefinition<Command, Query, Result, Answer> & (WholeState<State> | StreamedState),
): StateMachine<Query, Result, Answer> {
  const { commands, apply, malformed, query } = definition;
  return {
    ...("save" in definition ? inOnePiece(definition) : streamed(definition)),
    query: async (asked) => query(asked),
    apply: async (entries) => {
      const results: Result[] = [];
      for (const { index, command } of entries) {
        const decoded = decode(commands, command);
        const result = decoded === null ? malformed(index) : apply(decoded.command, index);
        // Nothing that has its result at once waits for a turn of its own.
        results.push(result instanceof Promise ? await result : result);
      }
      return results;
    },
  };
}

function decode<Command>(
  codec: Codec<Command>,
  bytes: AppliedCommand["command"],
): { readonly command: Command } | null {
  try {
    return { command: codec.decode(bytes) };
  } catch {
    return null;
  }
}

function streamed(state: StreamedState): Pick<StateMachine, "open" | "snapshot" | "restore"> {
  return {
    open: async () => state.open?.() ?? 0,
    snapshot: () => state.snapshot(),
    restore: (chunks, index) => state.restore(chunks, index),
  };
}

function inOnePiece<State>(state: WholeState<State>): Pick<StateMachine, "open" | "snapshot" | "restore"> {
  const { states = json<State>(), save, load } = state;
  return {
    open: async () => 0,
    snapshot: () => cut(states.encode(save())),
    restore: async (chunks) => {
      const pieces: Uint8Array[] = [];
      for await (const chunk of chunks) pieces.push(new Uint8Array(chunk));
      load(states.decode(join(pieces)));
    },
  };
}

async function* cut(bytes: Uint8Array): AsyncGenerator<Uint8Array, undefined> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
