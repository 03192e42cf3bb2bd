import type { AppliedCommand, LogIndex, StateMachine } from "@eraft/core";

/** What is done; `elapsedMs` is how much time has passed for the leader since the command that it proposed before this one. */
export type LockCommand = { readonly elapsedMs: number } & (
  | { readonly op: "openSession"; readonly ttlMs: number }
  | { readonly op: "keepAlive"; readonly session: number }
  | { readonly op: "acquire"; readonly session: number; readonly lock: string }
  | { readonly op: "release"; readonly session: number; readonly lock: string }
  | { readonly op: "tick" }
);

export type LockResult =
  | { readonly type: "session"; readonly session: number }
  /** The lock is the session's. Each new holder's token is above those of all before it, of whatever lock. */
  | { readonly type: "held"; readonly token: number }
  | { readonly type: "taken" }
  | { readonly type: "done" }
  /** The session has not been heard of for its time to live, and has lost its locks. */
  | { readonly type: "expired" }
  | { readonly type: "malformed" };

interface Session {
  readonly ttlMs: number;
  expiresAtMs: number;
}

interface Held {
  readonly session: number;
  readonly token: number;
}

/**
 * Locks that end with the sessions of their holders. Time is part of the state: it moves on by what leaders measure and write into the log, so
 * that every server lets the same session expire at the same entry, and no clock has to agree with another.
 */
export class LockMachine implements StateMachine<string, LockResult, Held | null> {
  #nowMs = 0;
  /** Numbers the commands; names sessions, and is a token that only grows. */
  #number = 0;
  #sessions = new Map<number, Session>();
  #locks = new Map<string, Held>();

  async open(): Promise<LogIndex> {
    return 0;
  }

  async apply(commands: readonly AppliedCommand[]): Promise<LockResult[]> {
    return commands.map(({ command }) => this.#apply(parse(command)));
  }

  /** Who holds a lock. */
  async query(lock: string): Promise<Held | null> {
    return this.#locks.get(lock) ?? null;
  }

  snapshot(): AsyncIterable<Uint8Array> {
    const view = JSON.stringify([this.#nowMs, this.#number, [...this.#sessions], [...this.#locks]]);
    return (async function* () {
      yield new TextEncoder().encode(view);
    })();
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let json = "";
    const decoder = new TextDecoder();
    for await (const chunk of chunks) json += decoder.decode(chunk, { stream: true });
    const [nowMs, number, sessions, locks] = JSON.parse(json);
    this.#nowMs = nowMs;
    this.#number = number;
    this.#sessions = new Map(sessions);
    this.#locks = new Map(locks);
  }

  #apply(command: LockCommand | null): LockResult {
    if (command === null) return { type: "malformed" };
    this.#number += 1;
    this.#nowMs += command.elapsedMs;
    this.#expire();
    switch (command.op) {
      case "tick":
        return { type: "done" };
      case "openSession":
        this.#sessions.set(this.#number, {
          ttlMs: command.ttlMs,
          expiresAtMs: this.#nowMs + command.ttlMs,
        });
        return { type: "session", session: this.#number };
      case "keepAlive":
      case "acquire":
      case "release": {
        const session = this.#sessions.get(command.session);
        if (session === undefined) return { type: "expired" };
        session.expiresAtMs = this.#nowMs + session.ttlMs;
        if (command.op === "acquire") return this.#acquire(command.lock, command.session);
        if (command.op === "release" && this.#locks.get(command.lock)?.session === command.session) {
          this.#locks.delete(command.lock);
        }
        return { type: "done" };
      }
    }
  }

  /** To ask again for what one has is to be told the same: a caller that had no answer may repeat itself. */
  #acquire(lock: string, session: number): LockResult {
    const held = this.#locks.get(lock) ?? { session, token: this.#number };
    if (held.session !== session) return { type: "taken" };
    this.#locks.set(lock, held);
    return { type: "held", token: held.token };
  }

  #expire(): void {
    for (const [session, { expiresAtMs }] of this.#sessions) {
      if (expiresAtMs > this.#nowMs) continue;
      this.#sessions.delete(session);
      for (const [lock, held] of this.#locks) if (held.session === session) this.#locks.delete(lock);
    }
  }
}

export function encode(command: LockCommand): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(command));
}

/** Null for what is no command: every server has to come to the same answer, and none may stop. */
function parse(bytes: Uint8Array): LockCommand | null {
  try {
    const command = JSON.parse(new TextDecoder().decode(bytes));
    const { op, elapsedMs, ttlMs, session, lock } = command;
    const isKnown =
      op === "tick" ||
      (op === "openSession" && isTime(ttlMs)) ||
      (Number.isSafeInteger(session) &&
        (op === "keepAlive" || (["acquire", "release"].includes(op) && typeof lock === "string")));
    return isKnown && isTime(elapsedMs) ? command : null;
  } catch {
    return null;
  }
}

function isTime(ms: unknown): boolean {
  return typeof ms === "number" && ms >= 0 && ms <= 86_400_000;
}
