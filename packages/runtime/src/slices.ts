import type { Entry } from "@eraft/core";
import type { Turns } from "./clock.ts";

// Long work is done in slices, with a turn of the event loop between them. Without that a server with a backlog is as good as gone: its
// heartbeats stay in, those of others stay out, and the cluster elects somebody else for it to be behind of.

/** A slice of the log that takes longer than this makes the next one shorter: whoever waits behind it waits for a part of a heartbeat. */
const MAX_SLICE_MS = 10;
const MIN_SLICE_ENTRIES = 8;
const FIRST_SLICE_ENTRIES = 64;
const MAX_SLICE_ENTRIES = 1024;
const MAX_SLICE_BYTES = 1 << 20;

/** Cuts what is to be applied. Only the state machine knows what a command costs, so the length of a slice follows from how long the last ones took. */
export class Slices {
  #maxEntries = FIRST_SLICE_ENTRIES;

  /** The next slice is cut when it is asked for: after `took` has been told of the one before. */
  *of(entries: readonly Entry[]): Generator<readonly Entry[]> {
    let slice: Entry[] = [];
    let bytes = 0;
    for (const entry of entries) {
      slice.push(entry);
      bytes += entry.command.length;
      if (slice.length < this.#maxEntries && bytes < MAX_SLICE_BYTES) continue;
      yield slice;
      slice = [];
      bytes = 0;
    }
    if (slice.length > 0) yield slice;
  }

  /** A slice of `entries` took `ms`. */
  took(ms: number, entries: number): void {
    if (ms > MAX_SLICE_MS) {
      const fitting = Math.floor((entries * MAX_SLICE_MS) / ms);
      this.#maxEntries = Math.max(MIN_SLICE_ENTRIES, Math.min(fitting, this.#maxEntries));
    } else if (entries === this.#maxEntries && ms <= MAX_SLICE_MS / 2) {
      this.#maxEntries = Math.min(2 * this.#maxEntries, MAX_SLICE_ENTRIES);
    }
  }
}

/** As many chunks of a snapshot, or as many bytes, go by in one turn. */
const MAX_TURN_CHUNKS = 64;
const MAX_TURN_BYTES = 512 << 10;

/** The same chunks, with turns of the event loop between them: neither a state machine nor a storage in memory ever waits for anything by itself. */
export async function* paced(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  turns: Turns,
): AsyncGenerator<Uint8Array> {
  const pace = new Pace(turns);
  for await (const chunk of chunks) {
    yield chunk;
    await pace.passed(chunk.length);
  }
}

/** The same for a loop of one's own. */
export class Pace {
  readonly #turns: Turns;
  #chunks = 0;
  #bytes = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** To be awaited after each chunk. */
  async passed(bytes: number): Promise<void> {
    this.#chunks += 1;
    this.#bytes += bytes;
    if (this.#chunks < MAX_TURN_CHUNKS && this.#bytes < MAX_TURN_BYTES) return;
    this.#chunks = 0;
    this.#bytes = 0;
    await this.#turns.next();
  }
}
