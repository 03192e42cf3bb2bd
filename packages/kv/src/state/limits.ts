import { SESSION_WINDOW } from "@eraft/runtime";
import { KvInvalidArgumentError } from "../errors.ts";

// Part of the definition of the replicated state: servers with different limits would answer the same command differently and drift apart.

/** A key is at most 4 KiB. */
export const MAX_KEY_BYTES: number = 4096;

/** A value, written at once or grown by an append, is at most 1 MiB. It fits the 4 MiB that a Go client receives. */
export const MAX_VALUE_BYTES: number = 1_048_576;

/** Operations and conditions of one write. */
export const MAX_WRITE_PARTS = 128;

/** Keys and values of one write together, and those of the items that it answers with: two of the largest items, as who compares and swaps needs. */
export const MAX_WRITE_BYTES: number = 2 * (MAX_KEY_BYTES + MAX_VALUE_BYTES);

/**
 * No command takes more in the log: keys and values, for each part of a write up to 17 bytes of tags and lengths, and 42 for what the command has once.
 * A node that is to take them all needs a `maxCommandBytes` of at least this.
 */
export const MAX_COMMAND_BYTES: number = MAX_WRITE_BYTES + 17 * MAX_WRITE_PARTS + 42;

/** What bounds the state besides the sizes of keys and values. The same on all servers of a cluster, for ever. */
export interface StateLimits {
  /** Of each of the two kinds of sessions. */
  readonly maxSessions: number;
  /** Results that are kept, of all sessions together. */
  readonly maxResults: number;
  readonly maxKeys: number;
  /** Changes that are kept for watchers, unless the last write has more. */
  readonly maxHistoryChanges: number;
  /** Bytes in the keys and values of these. */
  readonly maxHistoryBytes: number;
}

/** What one session may have. */
export const LEAST_MAX_RESULTS: number = SESSION_WINDOW + 1;

/** As given, or a KvInvalidArgumentError: a whole number from `least` to 2^24. */
export function checkCount(name: string, count: number, least = 1): number {
  if (!Number.isInteger(count) || count < least || count > 2 ** 24) {
    throw new KvInvalidArgumentError(`${name} is ${count}, not a whole number from ${least} to 2^24`);
  }
  return count;
}
