import type { RaftNode } from "@eraft/runtime";
import type { LockCommand, LockResult } from "./lock-machine.ts";

export type LockNode = RaftNode<LockCommand, string, LockResult, { readonly token: number } | null>;

/** Without the time, which this server adds. */
type Request = LockCommand extends infer C ? (C extends unknown ? Omit<C, "elapsedMs"> : never) : never;

/** The session has ended, and all that it held with it. */
export class SessionExpiredError extends Error {
  override readonly name = "SessionExpiredError";
}

/** The service on one server. Only that of the leader gets anything done; the others' calls reject with a NotLeaderError. */
export class LockService {
  readonly #node: LockNode;
  readonly #now: () => number;
  /** Up to when the time of this server is in commands. Time that passes between two leaders is in none: sessions then live longer, never shorter. */
  #toldMs: number;

  constructor(node: LockNode, now: () => number = () => performance.now()) {
    this.#node = node;
    this.#now = now;
    this.#toldMs = now();
    node.on("role", () => (this.#toldMs = now()));
  }

  /** A session ends when nothing has been heard of it for `ttlMs`. */
  async openSession(ttlMs: number): Promise<number> {
    const result = await this.#propose({ op: "openSession", ttlMs });
    if (result.type !== "session") throw new Error(`openSession: ${result.type}`);
    return result.session;
  }

  async keepAlive(session: number): Promise<void> {
    await this.#propose({ op: "keepAlive", session });
  }

  /** The token of the lock, or null if another session has it. Whatever the lock protects refuses tokens below the highest it has seen. */
  async acquire(session: number, lock: string): Promise<number | null> {
    const result = await this.#propose({ op: "acquire", session, lock });
    return result.type === "held" ? result.token : null;
  }

  async release(session: number, lock: string): Promise<void> {
    await this.#propose({ op: "release", session, lock });
  }

  /** Lets time pass when nobody calls. For the leader, every now and then. */
  async tick(): Promise<void> {
    await this.#propose({ op: "tick" });
  }

  async #propose(request: Request): Promise<LockResult> {
    const nowMs = this.#now();
    const elapsedMs = nowMs - this.#toldMs;
    this.#toldMs = nowMs;
    const result = await this.#node.propose({ ...request, elapsedMs });
    if (result.type === "expired") throw new SessionExpiredError("the session has expired");
    return result;
  }
}
