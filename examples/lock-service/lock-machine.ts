import type { StateMachine } from "@eraft/core";
import { defineStateMachine, json } from "@eraft/runtime";

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

export interface Held {
  readonly session: number;
  readonly token: number;
}

/** How commands are written and read. What the log has may be anything: what is none is refused, by every server alike. */
export const commands = json<LockCommand>((value) => {
  if (isCommand(value)) return value;
  throw new TypeError("not a command of the lock service");
});

export function lockMachine(): StateMachine<string, LockResult, Held | null> {
  const locks = new Locks();
  return defineStateMachine({
    commands,
    apply: (command) => locks.apply(command),
    malformed: () => ({ type: "malformed" }),
    query: (lock: string) => locks.holder(lock),
    save: () => locks.save(),
    load: (saved: Saved) => locks.load(saved),
  });
}

interface Saved {
  readonly nowMs: number;
  readonly number: number;
  readonly sessions: readonly (readonly [number, Session])[];
  readonly locks: readonly (readonly [string, Held])[];
}

/**
 * Locks that end with the sessions of their holders. Time is part of the state: it moves on by what leaders measure and write into the log, so
 * that every server lets the same session expire at the same entry, and no clock has to agree with another.
 */
class Locks {
  #nowMs = 0;
  /** Numbers the commands; names sessions, and is a token that only grows. */
  #number = 0;
  #sessions = new Map<number, Session>();
  #locks = new Map<string, Held>();

  /** Who holds a lock. */
  holder(lock: string): Held | null {
    return this.#locks.get(lock) ?? null;
  }

  save(): Saved {
    return {
      nowMs: this.#nowMs,
      number: this.#number,
      sessions: [...this.#sessions],
      locks: [...this.#locks],
    };
  }

  load({ nowMs, number, sessions, locks }: Saved): void {
    this.#nowMs = nowMs;
    this.#number = number;
    this.#sessions = new Map(sessions);
    this.#locks = new Map(locks);
  }

  apply(command: LockCommand): LockResult {
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

function isCommand(value: unknown): value is LockCommand {
  if (typeof value !== "object" || value === null) return false;
  const { op, elapsedMs, ttlMs, session, lock } = value as Record<string, unknown>;
  if (!isTime(elapsedMs)) return false;
  switch (op) {
    case "tick":
      return true;
    case "openSession":
      return isTime(ttlMs);
    case "keepAlive":
      return Number.isSafeInteger(session);
    case "acquire":
    case "release":
      return Number.isSafeInteger(session) && typeof lock === "string";
    default:
      return false;
  }
}

function isTime(ms: unknown): boolean {
  return typeof ms === "number" && ms >= 0 && ms <= 86_400_000;
}
