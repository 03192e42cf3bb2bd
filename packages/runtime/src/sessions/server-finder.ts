import type { Clock, NodeId } from "@eraft/core";
import { StoppedError } from "../errors.ts";
import type { RequestOptions } from "../request-options.ts";
import type { SessionResult } from "./with-sessions.ts";

/**
 * A server, as a session's client sees it: a `RaftNode`, or a stand-in that reaches one. A rejection may say by `retry` what to do next, and by `leaderId` who
 * leads, as those of a node do; one that does not say is taken for an outcome that is not known.
 */
export interface SessionServer<Result> {
  /** Lets rejections that name the leader find it. */
  readonly id?: NodeId;
  propose(command: Uint8Array, options?: RequestOptions): Promise<SessionResult<Result>>;
}

/** Something that is to be asked until there is an answer. */
export interface Errand {
  /** Called for each attempt. */
  readonly encode: () => Uint8Array;
  /** Whether somebody still waits for it. */
  readonly isWanted: () => boolean;
  /** An attempt may have been done. */
  readonly onUnknown?: () => void;
}

/** After all servers have been tried in vain there is a pause, each time twice as long. */
const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 500;

/** Finds the server that leads, and asks it again where that is of use. */
export class ServerFinder<Result> {
  readonly #servers: readonly SessionServer<Result>[];
  readonly #clock: Clock;
  readonly #pauses = new Map<() => void, () => void>();
  #at = 0;

  constructor(servers: readonly SessionServer<Result>[], clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  /** The one that has answered last, or is to be tried next. */
  get current(): SessionServer<Result> {
    const server = this.#servers[this.#at];
    if (server === undefined) throw new StoppedError();
    return server;
  }

  /** The first answer of any server; null if it is not wanted any more. Rejects with what advises never to try again. */
  async settle(errand: Errand): Promise<SessionResult<Result> | null> {
    for (let failures = 0; errand.isWanted();) {
      const at = this.#at;
      try {
        return await this.current.propose(errand.encode(), {});
      } catch (error) {
        const advice = fieldOf(error, "retry");
        if (advice === "never") throw error;
        const isDone = advice === "elsewhere" || advice === "later" ? "no" : "perhaps";
        if (isDone === "perhaps") errand.onUnknown?.();
        failures += 1;
        if (advice !== "later") this.#leave(at, fieldOf(error, "leaderId"));
        if (advice === "later" || failures % this.#servers.length === 0) await this.#pause(failures);
      }
    }
    return null;
  }

  close(): void {
    for (const [resolve, cancel] of this.#pauses) {
      cancel();
      resolve();
    }
    this.#pauses.clear();
  }

  /** Many attempts may fail at the same server: only the first one of them moves on. */
  #leave(at: number, leaderId: unknown): void {
    if (this.#at !== at) return;
    const leader = leaderId === undefined ? -1 : this.#servers.findIndex(({ id }) => id === leaderId);
    this.#at = leader >= 0 && leader !== at ? leader : (at + 1) % this.#servers.length;
  }

  #pause(failures: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const doublings = Math.min(16, Math.floor((failures - 1) / this.#servers.length));
    const cancel = this.#clock.after(Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** doublings), () => {
      this.#pauses.delete(resolve);
      resolve();
    });
    this.#pauses.set(resolve, cancel);
    return promise;
  }
}

function fieldOf(error: unknown, name: "retry" | "leaderId"): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
}
