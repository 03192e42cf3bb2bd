import { createReadStream } from "node:fs";
import { CommandError } from "../errors.ts";
import type { Io } from "../io.ts";

/** The bytes of a file, or of stdin for `-`. */
export function inputFrom(file: string, io: Io): AsyncIterable<Uint8Array> {
  return file === "-" ? io.input() : createReadStream(file);
}

/** How a file is called in messages. */
export function nameOf(file: string): string {
  return file === "-" ? "stdin" : file;
}

/** All of it as text. Rejects with a CommandError if it cannot be read, is no UTF-8, or has more than `maxBytes`. */
export async function readText(file: string, io: Io, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of inputFrom(file, io)) {
      size += chunk.length;
      if (size > maxBytes) throw new CommandError(`${nameOf(file)} has more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** What went wrong with the reading of `file`, in words. */
export function unreadable(file: string, error: unknown): Error {
  if (error instanceof CommandError) return error;
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "ENOENT") return new CommandError(`there is no file ${JSON.stringify(file)}`);
  if (code === "EISDIR") return new CommandError(`${JSON.stringify(file)} is a directory`);
  if (error instanceof TypeError) return new CommandError(`${nameOf(file)} is no UTF-8`);
  const reason = error instanceof Error ? error.message : String(error);
  return new CommandError(`cannot read ${nameOf(file)}: ${reason}`, undefined, { cause: error });
}
