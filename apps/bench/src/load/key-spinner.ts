import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { frame } from "../systems/grpc-client.ts";
import { DIGITS, keyAt } from "./keys.ts";

/**
 * The file with the one request that h2load sends again and again, whose key changes every millisecond.
 *
 * h2load knows a single body, but reads it from the file anew for each request. The digits of the key in there are overwritten with those of the next key, in
 * place: a read that comes in between finds digits of two keys, which are the key of a third. Both systems are driven by the same file in the same way.
 */
export class KeySpinner {
  readonly path: string;
  readonly #file: number;
  readonly #offset: number;
  readonly #keys: number;
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  /** Keys number 0 to `keys`, exclusive; a power of ten, or digits of two keys might be no key. */
  constructor(path: string, keys: number, encode: (key: string) => Buffer) {
    const body = frame(encode(keyAt(0)));
    writeFileSync(path, body);
    this.path = path;
    this.#offset = body.indexOf(keyAt(0)) + keyAt(0).length - DIGITS;
    this.#keys = keys;
    this.#file = openSync(path, "r+");
    this.#timer = setInterval(() => this.#turn(), 1);
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.#file);
  }

  #turn(): void {
    // Steps of a prime visit all keys, and in no order that a store might like.
    this.#next = (this.#next + 7919) % this.#keys;
    writeSync(this.#file, String(this.#next).padStart(DIGITS, "0"), this.#offset);
  }
}
