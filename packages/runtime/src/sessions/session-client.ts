import type { Clock } from "@eraft/core";
import { systemClock } from "../clock.ts";
import { Commands } from "../commands.ts";
import { limitOf } from "../deadline.ts";
import {
  BusyError,
  InvalidOptionError,
  OutcomeUnknownError,
  SessionExpiredError,
  StoppedError,
} from "../errors.ts";
import type { CommandCodec } from "../options.ts";
import type { RequestOptions } from "../request-options.ts";
import { ClientWrite, Epoch } from "./client-write.ts";
import { encodeEnvelope, SESSION_OVERHEAD_BYTES } from "./envelope.ts";
import { SESSION_WINDOW } from "./serial.ts";
import { ServerFinder, type SessionServer } from "./server-finder.ts";

export interface SessionClientOptions<Command, Result> {
  /** The nodes of the cluster whose state machine is one `withSessions`, or stand-ins that reach them over a network. At least one. */
  readonly servers: readonly SessionServer<Result>[];
  /** Needed if commands are anything but `Uint8Array`. */
  readonly codec?: CommandCodec<Command>;
  /** Writes under way at a time, 1 to 1,024; others wait their turn. Default 64. */
  readonly maxInflight?: number;
  /** Writes under way and waiting before more are refused as busy. Default 10,000. */
  readonly maxPending?: number;
  readonly clock?: Clock;
}

/** The largest command that any node takes, whatever it is set to. */
const MAX_COMMAND_BYTES = 2 ** 31;

/**
 * Proposes commands so that each is applied exactly once: it opens a session, numbers its writes, and sends each again until it is answered, through changes of
 * leaders and answers that get lost (dissertation, 6.3). Writes of one client may be applied in another order than they were proposed in, unless the caller waits for
 * one before it proposes the next, or `maxInflight` is 1.
 */
export class SessionClient<Command = Uint8Array, Result = unknown> {
  readonly #commands: Commands<Command>;
  readonly #maxInflight: number;
  readonly #maxPending: number;
  readonly #clock: Clock;
  readonly #finder: ServerFinder<Result>;
  #waiting: ClientWrite<Result>[] = [];
  readonly #pending = new Set<ClientWrite<Result>>();
  #epoch: Epoch<Result> | null = null;
  #isOpening = false;
  #isClosed = false;

  /** @throws InvalidOptionError */
  constructor(options: SessionClientOptions<Command, Result>) {
    const { servers, codec, maxInflight = 64, maxPending = 10_000, clock = systemClock } = options;
    if (!Array.isArray(servers) || servers.length === 0) {
      throw new InvalidOptionError("servers: must be an array with at least one server.");
    }
    checkCount("maxInflight", maxInflight, SESSION_WINDOW);
    checkCount("maxPending", maxPending, Number.MAX_SAFE_INTEGER);
    this.#commands = new Commands(codec ?? null, MAX_COMMAND_BYTES - SESSION_OVERHEAD_BYTES);
    this.#maxInflight = maxInflight;
    this.#maxPending = maxPending;
    this.#clock = clock;
    this.#finder = new ServerFinder(servers, clock);
  }

  /** Writes that have no answer yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Resolves with what the state machine made of `command`, the one time it was applied. Goes on trying until then: `signal` and `timeoutMs` end the wait.
   *
   * @throws what ended the wait if nothing was sent yet; OutcomeUnknownError if it may have been applied, or, for a moment yet, may be; SessionExpiredError;
   * InvalidCommandError; BusyError; StoppedError; what a server rejects with when that advises never to try again.
   */
  async propose(command: Command, options: RequestOptions = {}): Promise<Result> {
    const bytes = this.#commands.toBytes(command);
    const limit = limitOf(options, this.#clock);
    limit?.throwIfAborted();
    if (this.#isClosed) throw new StoppedError();
    if (this.#pending.size >= this.#maxPending) throw new BusyError();
    const write = new ClientWrite<Result>(bytes);
    const onAbort = (): void => this.#giveUp(write, limit?.reason);
    limit?.addEventListener("abort", onAbort);
    this.#pending.add(write);
    this.#waiting.push(write);
    this.#pump();
    try {
      return await write.promise;
    } finally {
      limit?.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Ends the session: the servers may forget it. What waits ends with StoppedError, or with OutcomeUnknownError if it was sent. Resolves once a server has been told,
   * or could not be.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const write of this.#pending) this.#giveUp(write, new StoppedError());
    this.#finder.close();
    const epoch = this.#epoch;
    this.#epoch = null;
    if (epoch === null) return;
    const bytes = encodeEnvelope({ type: "close", sessionId: epoch.sessionId });
    // Once: a session that nobody closes expires.
    await this.#finder.current.propose(bytes, {}).catch(() => {});
  }

  /** Begins what may begin. */
  #pump(): void {
    if (this.#isClosed || this.#waiting.length === 0) return;
    if (this.#epoch === null) {
      if (!this.#isOpening) void this.#open();
      return;
    }
    const epoch = this.#epoch;
    while (epoch.inflight < this.#maxInflight && epoch.hasRoom) {
      const write = this.#waiting.shift();
      if (write === undefined) return;
      epoch.number(write);
      void this.#run(write, epoch);
    }
  }

  async #open(): Promise<void> {
    this.#isOpening = true;
    try {
      const result = await this.#finder.settle({
        encode: () => encodeEnvelope({ type: "open" }),
        isWanted: () => !this.#isClosed,
      });
      if (result?.type === "opened") this.#epoch = new Epoch(result.sessionId);
      else if (result !== null) throw unexpected(result);
    } catch (error) {
      // No server takes it, and none would later.
      for (const write of this.#waiting.splice(0)) this.#end(write, () => write.reject(error));
    } finally {
      this.#isOpening = false;
    }
    this.#pump();
  }

  async #run(write: ClientWrite<Result>, epoch: Epoch<Result>): Promise<void> {
    try {
      const result = await this.#finder.settle({
        encode: () =>
          encodeEnvelope({ type: "write", serial: epoch.serialOf(write), command: write.command }),
        isWanted: () => !write.isOver,
        onUnknown: () => (write.mayBeDone = true),
      });
      if (result === null || write.isOver) return;
      if (result.type === "done") this.#end(write, () => write.resolve(result.result));
      else if (result.type === "expired") this.#expired(write, epoch);
      else throw unexpected(result);
    } catch (error) {
      this.#end(write, () => write.reject(error));
    } finally {
      epoch.answered(write);
      this.#pump();
    }
  }

  /** Nothing was done just now. If no attempt before that can have been, the write goes into the next session. */
  #expired(write: ClientWrite<Result>, epoch: Epoch<Result>): void {
    if (this.#epoch === epoch) this.#epoch = null;
    epoch.answered(write);
    write.epoch = null;
    if (write.mayBeDone) this.#end(write, () => write.reject(new SessionExpiredError()));
    else this.#waiting.unshift(write);
  }

  #giveUp(write: ClientWrite<Result>, reason: unknown): void {
    const epoch = write.epoch;
    const error = epoch === null ? reason : new OutcomeUnknownError("The wait was ended.", { cause: reason });
    this.#end(write, () => write.reject(error));
    this.#waiting = this.#waiting.filter((other) => other !== write);
    // From here on later writes say that its answer is not wanted: an attempt that is late is not applied any more.
    epoch?.answered(write);
    this.#pump();
  }

  #end(write: ClientWrite<Result>, settle: () => void): void {
    if (!this.#pending.delete(write)) return;
    write.isOver = true;
    settle();
  }
}

function unexpected(result: { readonly type: string }): Error {
  return new OutcomeUnknownError(`A server answered "${result.type}".`);
}

function checkCount(name: string, count: number, most: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= most) return;
  throw new InvalidOptionError(`${name}: ${count} must be a whole number from 1 to ${most}.`);
}
