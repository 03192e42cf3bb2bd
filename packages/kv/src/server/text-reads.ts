import type { ByteString } from "../state/byte-string.ts";
import type { Item } from "../state/items.ts";
import type { KvItemsAnswer } from "../state/query.ts";
import type { KvConsistency } from "../protocol.ts";
import { NoStoreError } from "./kvraft-answers.ts";
import type { KvNode } from "./node.ts";
import type { Limited, TimeLimits } from "./time-limits.ts";

/** One question to the node is never about more keys than this. */
const MAX_KEYS = 1024;

/** Nobody in particular: whoever has less time than the limit leaves by himself. */
const EVERYBODY: Limited = {
  signal: { aborted: false, addEventListener: () => {}, removeEventListener: () => {} },
  timeoutMs: () => undefined,
};

/** Keys that are asked for together. Null for the answer that took longer than the limit. */
interface Group {
  readonly keys: ByteString[];
  readonly answer: Promise<KvItemsAnswer | null>;
}

/**
 * Reads of single keys. Those that come in one go, as the requests in one packet of a connection do, are one question to the node: one read index and one wait for
 * all of them. The question is asked when all of these calls have begun, so the answer is as new as each of them may expect.
 */
export class TextReads {
  readonly #node: KvNode;
  readonly #limits: TimeLimits;
  /** To which more may be added, until the present task has ended. */
  readonly #open = new Map<KvConsistency, Group>();

  constructor(node: KvNode, limits: TimeLimits) {
    this.#node = node;
    this.#limits = limits;
  }

  /** Undefined if there is no such key, null if the time limit has passed. Rejects as the node's `read` does. */
  async read(key: ByteString, consistency: KvConsistency): Promise<Item | undefined | null> {
    let group = this.#open.get(consistency);
    if (group === undefined || group.keys.length >= MAX_KEYS) group = this.#begin(consistency);
    const position = group.keys.push(key) - 1;
    const answer = await group.answer;
    if (answer === null) return null;
    if (!Array.isArray(answer.items)) throw new NoStoreError();
    return answer.items[position] ?? undefined;
  }

  #begin(consistency: KvConsistency): Group {
    const keys: ByteString[] = [];
    const { promise, resolve } = Promise.withResolvers<KvItemsAnswer | null>();
    const group: Group = { keys, answer: promise };
    this.#open.set(consistency, group);
    queueMicrotask(() => {
      if (this.#open.get(consistency) === group) this.#open.delete(consistency);
      resolve(
        this.#limits.run(
          EVERYBODY,
          (signal) =>
            this.#node.read({ type: "items", keys }, { signal, consistency }) as Promise<KvItemsAnswer>,
        ),
      );
    });
    return group;
  }
}
