import type { KvraftClient } from "@eraft/kv";

const VALUE_BYTES = 64 * 1024;
const WRITERS = 4;
/** Values between two looks whether there are enough. */
const CHECK_EVERY = 16;

/** Values of 64 KiB, as many as make a state of a given size. Each names its key, so that one in the wrong place is found out. */
export class BigState {
  readonly #client: KvraftClient;
  readonly #count: number;

  constructor(client: KvraftClient, sizeBytes: number) {
    this.#client = client;
    this.#count = Math.ceil(sizeBytes / VALUE_BYTES);
  }

  get sizeBytes(): number {
    return this.#count * VALUE_BYTES;
  }

  /** Writes all of it. `onProgress` is told how much is written, now and then. */
  async write(onProgress: (bytes: number) => void): Promise<void> {
    let next = 0;
    const every = Math.ceil(this.#count / 10);
    const writer = async (): Promise<void> => {
      for (let at = next++; at < this.#count; at = next++) {
        await this.#client.put(keyOf(at), valueOf(at));
        if ((at + 1) % every === 0) onProgress((at + 1) * VALUE_BYTES);
      }
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));
  }

  /** Writes some of it once more, until `isEnough`. */
  async rewriteUntil(isEnough: () => Promise<boolean>): Promise<void> {
    for (let at = 0; ; at = (at + 1) % this.#count) {
      if (at % CHECK_EVERY === 0 && (await isEnough())) return;
      await this.#client.put(keyOf(at), valueOf(at));
    }
  }

  /** Reads `count` values, spread over all of it; what is wrong with them, nothing if nothing is. */
  async check(count: number): Promise<readonly string[]> {
    const step = Math.max(1, Math.floor(this.#count / count));
    const wrong: string[] = [];
    for (let at = 0; at < this.#count; at += step) {
      const value = await this.#client.get(keyOf(at));
      if (value !== valueOf(at))
        wrong.push(`${keyOf(at)} has a value of ${value?.length ?? "no"} characters that is not its own`);
    }
    return wrong;
  }
}

function keyOf(at: number): string {
  return `big-${at}`;
}

function valueOf(at: number): string {
  return `${keyOf(at)};`.repeat(Math.ceil(VALUE_BYTES / (keyOf(at).length + 1))).slice(0, VALUE_BYTES);
}
