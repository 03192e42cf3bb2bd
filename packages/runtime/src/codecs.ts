/** How something becomes bytes and comes back. On all servers of a cluster the same, for ever: what is in the log was written by it. */
export interface Codec<T> {
  /** @throws anything if `value` cannot be written */
  encode(value: T): Uint8Array;
  /** @throws anything if `bytes` are none of its own. They may come from anywhere. */
  decode(bytes: Uint8Array): T;
}

declare class TextEncoder {
  encode(text: string): Uint8Array;
}
declare class TextDecoder {
  constructor(encoding: "utf-8", options: { readonly fatal: boolean });
  decode(bytes: Uint8Array): string;
}

/** Bytes as they are. What `decode` gives may share their memory. */
export const bytes: Codec<Uint8Array> = Object.freeze({
  encode: (value: Uint8Array) => {
    if (value instanceof Uint8Array) return value;
    throw new TypeError("a Uint8Array was expected");
  },
  decode: (encoded: Uint8Array) => encoded,
});

/**
 * JSON in UTF-8; `undefined` is no bytes at all. For values that are the same after `JSON.parse(JSON.stringify(value))`: plain objects, arrays, strings,
 * finite numbers, booleans and null. What JSON cannot say it leaves out, or throws.
 *
 * @param check makes sure that what was read is a `T`, and returns it, or throws. Without it, anything that is JSON passes for one.
 */
export function json<T>(check: (value: unknown) => T = (value) => value as T): Codec<T> {
  return {
    encode: (value) => encoder.encode(value === undefined ? "" : stringify(value)),
    decode: (encoded) => check(encoded.length === 0 ? undefined : JSON.parse(decoder.decode(encoded))),
  };
}

/**
 * Messages of a protobuf-es schema. The functions are handed in, so that this package does not depend on theirs:
 *
 *     import { fromBinary, toBinary } from "@bufbuild/protobuf";
 *     const codec = protobuf(CommandSchema, fromBinary, toBinary);
 *
 * A message of which no field is set is no bytes at all, and so cannot be a command.
 */
export function protobuf<Schema, Message>(
  schema: Schema,
  fromBinary: (schema: Schema, bytes: Uint8Array) => Message,
  toBinary: (schema: Schema, message: Message) => Uint8Array,
): Codec<Message> {
  return {
    encode: (message) => toBinary(schema, message),
    decode: (encoded) => fromBinary(schema, encoded),
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

function stringify(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`JSON cannot say what a ${typeof value} is`);
  return text;
}
