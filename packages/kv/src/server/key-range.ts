import type { KeyRange } from "@eraft/proto/eraft/kv/v1";
import { KvInvalidArgumentError } from "../errors.ts";
import { type ByteString, byteStringOf } from "../state/byte-string.ts";
import { MAX_KEY_BYTES } from "../state/limits.ts";

/** The keys from `start` up to but without `end`; null is the end of all keys. */
export interface Keys {
  readonly start: ByteString;
  readonly end: ByteString | null;
}

/** @throws KvInvalidArgumentError if it says two things at once, or is longer than keys are. */
export function keysOf(range: KeyRange | undefined): Keys {
  if (range === undefined) return { start: "", end: null };
  const { start, end, prefix } = range;
  for (const [name, bytes] of Object.entries({ start, end, prefix })) {
    if (bytes.length > MAX_KEY_BYTES) {
      throw new KvInvalidArgumentError(
        `the range's ${name} is longer than ${MAX_KEY_BYTES} bytes, as no key is`,
      );
    }
  }
  if (prefix.length > 0) {
    if (start.length > 0 || end.length > 0) {
      throw new KvInvalidArgumentError("the range has a prefix, and so start and end have to be empty");
    }
    const text = byteStringOf(prefix);
    return { start: text, end: afterPrefix(text) };
  }
  return { start: byteStringOf(start), end: end.length === 0 ? null : byteStringOf(end) };
}

/** The first key that comes after all those with this prefix; null if there is none. */
function afterPrefix(prefix: ByteString): ByteString | null {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length -= 1;
  if (length === 0) return null;
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
}

export function isWithin({ start, end }: Keys, key: ByteString): boolean {
  return key >= start && (end === null || key < end);
}
