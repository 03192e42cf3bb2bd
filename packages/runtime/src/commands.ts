import { InvalidCommandError, messageOf } from "./errors.ts";
import type { CommandCodec } from "./options.ts";

/**
 * The bytes that go into the log. Always a copy: the caller may reuse its buffer as soon as `propose` has returned, long before the bytes are
 * on every disk.
 *
 * @throws InvalidCommandError
 */
export function toBytes<Command>(
  command: Command,
  codec: CommandCodec<Command> | null,
  maxBytes: number,
): Uint8Array {
  // Not `slice`, which for a Node.js `Buffer` is a view of the same memory.
  const bytes = new Uint8Array(encode(command, codec));
  if (bytes.length === 0) {
    throw new InvalidCommandError(
      "The command is empty. In the log an empty command is a leader's no-op: propose at least one byte.",
    );
  }
  if (bytes.length > maxBytes) {
    throw new InvalidCommandError(
      `The command has ${bytes.length} bytes, more than maxCommandBytes (${maxBytes}): split it.`,
    );
  }
  return bytes;
}

function encode<Command>(command: Command, codec: CommandCodec<Command> | null): Uint8Array {
  if (command instanceof Uint8Array) return command;
  if (codec === null) {
    throw new InvalidCommandError(
      "The command is not a Uint8Array, and this node has no codec: pass one in its options.",
    );
  }
  let bytes: unknown;
  try {
    bytes = codec.encode(command);
  } catch (error) {
    throw new InvalidCommandError(`The codec could not encode the command: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  if (!(bytes instanceof Uint8Array))
    throw new InvalidCommandError("The codec did not encode the command to a Uint8Array.");
  return bytes;
}
