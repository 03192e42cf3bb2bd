import { InvalidCommandError, messageOf } from "./errors.ts";
import type { CommandCodec } from "./options.ts";

/** Commands up to this size share memory with those before and after them. */
const SMALL_BYTES = 4096;

/** How much of it: what the last small command that is still needed may keep alive. */
const SHARED_BYTES = 16_384;

/** Makes commands into the bytes that go into the log. */
export class Commands<Command> {
  readonly #codec: CommandCodec<Command> | null;
  readonly #maxBytes: number;
  #room: Uint8Array = new Uint8Array(0);
  #usedBytes = 0;

  constructor(codec: CommandCodec<Command> | null, maxBytes: number) {
    this.#codec = codec;
    this.#maxBytes = maxBytes;
  }

  /**
   * What `own` makes of `encode`.
   *
   * @throws InvalidCommandError
   */
  toBytes(command: Command): Uint8Array {
    return this.own(this.encode(command));
  }

  /**
   * Of a command that is bytes already, the caller's own memory.
   *
   * @throws InvalidCommandError
   */
  encode(command: Command): Uint8Array {
    const bytes = encode(command, this.#codec);
    if (bytes.length === 0) {
      throw new InvalidCommandError(
        "The command is empty. In the log an empty command is a leader's no-op: propose at least one byte.",
      );
    }
    if (bytes.length > this.#maxBytes) {
      throw new InvalidCommandError(
        `The command has ${bytes.length} bytes, more than maxCommandBytes (${this.#maxBytes}): split it.`,
      );
    }
    return bytes;
  }

  /**
   * Always a copy: the caller may reuse its buffer as soon as `propose` has returned, long before the bytes are on every disk. Memory for each small command would
   * cost more than all that is done with it before it is written.
   */
  own(bytes: Uint8Array): Uint8Array {
    // Not `slice`, which for a Node.js `Buffer` is a view of the same memory.
    if (bytes.length > SMALL_BYTES) return new Uint8Array(bytes);
    if (this.#usedBytes + bytes.length > this.#room.length) {
      this.#room = new Uint8Array(SHARED_BYTES);
      this.#usedBytes = 0;
    }
    const copy = this.#room.subarray(this.#usedBytes, this.#usedBytes + bytes.length);
    copy.set(bytes);
    this.#usedBytes += bytes.length;
    return copy;
  }
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
