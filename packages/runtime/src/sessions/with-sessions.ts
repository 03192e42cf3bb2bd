import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";
import { type Codec, json } from "../codecs.ts";
import { decodeEnvelope } from "./envelope.ts";
import type { SessionId } from "./serial.ts";
import type { ResultSlot } from "./session.ts";
import { type SessionLimits, SessionTable } from "./session-table.ts";
import { readSessions, sessionChunks } from "./snapshot.ts";

/**
 * What a command of a state machine with sessions gives.
 *
 * - `done`: `result` is what the one time it was applied gave.
 * - `expired`, `outOfWindow`: it was not applied now, and never will be under that number; see `Claim`.
 * - `malformed`: its bytes are no command of a session; nothing was done.
 */
export type SessionResult<Result> =
  | { readonly type: "opened"; readonly sessionId: SessionId }
  | { readonly type: "closed" }
  | { readonly type: "done"; readonly result: Result }
  | { readonly type: "expired" }
  | { readonly type: "outOfWindow" }
  | { readonly type: "malformed" };

export interface WithSessionsOptions<Result> extends SessionLimits {
  /** How results are kept, for the answers to writes that come again. Default: `json()`. On all servers the same. */
  readonly results?: Codec<Result>;
}

/**
 * Makes what is sent to `machine` again happen once (dissertation, 6.3), whatever `machine` is: give a node the state machine that this returns, and propose
 * through a {@link SessionClient}. Queries are those of `machine`; snapshots hold the sessions, and behind them that of `machine`.
 *
 * For state machines that live in memory. One that keeps its own disk has to keep its sessions with its data, or after a crash it would have one without the
 * other: it uses a {@link SessionTable} itself. `open` rejects if `machine` reflects anything already.
 */
export function withSessions<Query, Result, Answer = Result>(
  machine: StateMachine<Query, Result, Answer>,
  options: WithSessionsOptions<Result> = {},
): StateMachine<Query, SessionResult<Result>, Answer> {
  return new SessionStateMachine(machine, options);
}

const MALFORMED = Object.freeze({ type: "malformed" });
const CLOSED = Object.freeze({ type: "closed" });
const EXPIRED = Object.freeze({ type: "expired" });

class SessionStateMachine<Query, Result, Answer> implements StateMachine<
  Query,
  SessionResult<Result>,
  Answer
> {
  readonly #machine: StateMachine<Query, Result, Answer>;
  readonly #limits: SessionLimits;
  readonly #codec: Codec<Result>;
  #table: SessionTable<Uint8Array>;

  constructor(machine: StateMachine<Query, Result, Answer>, options: WithSessionsOptions<Result>) {
    const { results, ...limits } = options;
    this.#machine = machine;
    this.#codec = results ?? json();
    this.#limits = limits;
    this.#table = new SessionTable(limits);
  }

  async open(): Promise<LogIndex> {
    const index = await this.#machine.open();
    if (index === 0) return 0;
    throw new Error(
      `the state machine inside withSessions reflects entry ${index} from its own disk, and its sessions are not there: let it keep a SessionTable itself`,
    );
  }

  async apply(commands: readonly AppliedCommand[]): Promise<readonly SessionResult<Result>[]> {
    const due: AppliedCommand[] = [];
    const answers = commands.map((applied) => this.#claim(applied, due));
    // Together, as they came: what is not to be done is known from the log alone, and from no result.
    const results = due.length === 0 ? [] : await this.#machine.apply(due);
    if (results.length !== due.length) {
      throw new Error(`apply() gave ${results.length} results for ${due.length} commands`);
    }
    return answers.map((answer) => answer(results));
  }

  query(query: Query): Promise<Answer> {
    return this.#machine.query(query);
  }

  snapshot(): AsyncIterable<Uint8Array> {
    return sessionChunks(this.#table, this.#machine.snapshot());
  }

  async restore(chunks: AsyncIterable<Uint8Array>, lastIncludedIndex: LogIndex): Promise<void> {
    const { table, rest } = await readSessions(chunks, this.#limits);
    await this.#machine.restore(rest, lastIncludedIndex);
    this.#table = table;
  }

  /** Adds what is to be done to `due`. The answer comes from what that gives; to be asked for in the order of the log. */
  #claim(
    { index, command }: AppliedCommand,
    due: AppliedCommand[],
  ): (results: readonly Result[]) => SessionResult<Result> {
    const envelope = decodeEnvelope(command);
    switch (envelope?.type) {
      case undefined:
        return () => MALFORMED;
      case "open": {
        const sessionId = this.#table.open(index);
        return () => ({ type: "opened", sessionId });
      }
      case "close": {
        const isKnown = this.#table.close(index, envelope.sessionId);
        return () => (isKnown ? CLOSED : EXPIRED);
      }
      case "plain": {
        const at = due.push({ index, command: envelope.command }) - 1;
        return (results) => ({ type: "done", result: results[at] as Result });
      }
      case "write": {
        const claim = this.#table.claim(index, envelope.serial);
        if (claim.type === "repeated") return () => this.#repeat(claim.slot);
        if (claim.type !== "new") return () => claim;
        const at = due.push({ index, command: envelope.command }) - 1;
        return (results) => this.#settle(claim.slot, results[at] as Result);
      }
    }
  }

  #settle(slot: ResultSlot<Uint8Array>, result: Result): SessionResult<Result> {
    // A copy: the codec may hand out memory that somebody writes to.
    slot.settle(new Uint8Array(this.#codec.encode(result)));
    return { type: "done", result };
  }

  #repeat(slot: ResultSlot<Uint8Array>): SessionResult<Result> {
    return { type: "done", result: this.#codec.decode(slot.result) };
  }
}
