import type { Clock } from "@eraft/core";
import { DEFAULT_MAX_RESULTS, DEFAULT_MAX_SESSIONS, systemClock } from "@eraft/runtime";
import { LEAST_MAX_RESULTS, type StateLimits, checkCount } from "./limits.ts";

/** Keys a store holds, unless configured otherwise. */
export const DEFAULT_MAX_KEYS: number = 10_000_000;

/** Changes that are kept for watchers, unless configured otherwise. */
export const DEFAULT_MAX_HISTORY_CHANGES: number = 65_536;

/** Bytes in the keys and values of these, unless configured otherwise. */
export const DEFAULT_MAX_HISTORY_BYTES: number = 8 << 20;

export interface KvStateMachineOptions {
  /**
   * Sessions that are kept, 1 to 2^24 (default {@link DEFAULT_MAX_SESSIONS}); as many again of clients that write through kvraftpb. **The same on all servers of a cluster, for ever**: it decides
   * which retries are recognised. A snapshot made with another value is refused.
   */
  readonly maxSessions?: number;
  /**
   * Results that are kept for writes that may be sent again, of all sessions together, 1,025 to 2^24 (default {@link DEFAULT_MAX_RESULTS}). With more, the sessions
   * expire that were not used for longest. The same on all servers, like `maxSessions`.
   */
  readonly maxResults?: number;
  /** Keys that fit, 1 to 2^24 (default {@link DEFAULT_MAX_KEYS}). The same on all servers, like `maxSessions`. */
  readonly maxKeys?: number;
  /**
   * Changes that are kept so that a watcher which was away can go on, 1 to 2^24 (default {@link DEFAULT_MAX_HISTORY_CHANGES}). The same on all servers, like
   * `maxSessions`.
   */
  readonly maxHistoryChanges?: number;
  /** Bytes in the keys and values of these changes, 1 to 2^24 (default {@link DEFAULT_MAX_HISTORY_BYTES}). The same on all servers, like `maxSessions`. */
  readonly maxHistoryBytes?: number;
  /**
   * Where snapshots wait: after every 128 KiB that is written or read, one turn of the event loop, and when they are written a timer of no time. The default is the
   * platform's; a simulation passes its own.
   */
  readonly clock?: Clock;
}

/** @throws KvInvalidArgumentError */
export function limitsOf(options: KvStateMachineOptions): StateLimits {
  const {
    maxSessions = DEFAULT_MAX_SESSIONS,
    maxResults = DEFAULT_MAX_RESULTS,
    maxKeys = DEFAULT_MAX_KEYS,
    maxHistoryChanges = DEFAULT_MAX_HISTORY_CHANGES,
    maxHistoryBytes = DEFAULT_MAX_HISTORY_BYTES,
  } = options;
  return {
    maxSessions: checkCount("maxSessions", maxSessions),
    maxResults: checkCount("maxResults", maxResults, LEAST_MAX_RESULTS),
    maxKeys: checkCount("maxKeys", maxKeys),
    maxHistoryChanges: checkCount("maxHistoryChanges", maxHistoryChanges),
    maxHistoryBytes: checkCount("maxHistoryBytes", maxHistoryBytes),
  };
}

/** For a server that writes a snapshot, and goes on serving: a turn of the event loop, and a millisecond or so for others. */
export function pauseOf({ clock = systemClock }: KvStateMachineOptions): () => Promise<void> {
  return () => new Promise((resolve) => void clock.after(0, resolve));
}

/** For one that reads a snapshot, and is of little use before it has: a turn of the event loop, which takes no time if nobody else wants any. */
export function turnOf({ clock = systemClock }: KvStateMachineOptions): () => Promise<void> {
  const { soon } = clock;
  return soon === undefined ? pauseOf({ clock }) : () => new Promise((resolve) => void soon(resolve));
}
