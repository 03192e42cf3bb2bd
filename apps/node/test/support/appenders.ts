import { KvCallError, type KvraftClient } from "@eraft/kv";

/** What one appender wrote to its key, in order. */
interface Diary {
  readonly key: string;
  /** Tokens that were sent; the last one may have no answer yet. */
  readonly sent: string[];
  readonly acknowledged: Set<string>;
}

/**
 * Concurrent clients that append numbered tokens, each to a key of its own, one after the other. Afterwards every acknowledged token must be in its
 * key exactly once and in order; one without an answer may be there once.
 */
export class Appenders {
  readonly #diaries: readonly Diary[];
  readonly #client: KvraftClient;
  readonly #onAcknowledged: () => void;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(client: KvraftClient, count: number, onAcknowledged: () => void) {
    this.#client = client;
    this.#onAcknowledged = onAcknowledged;
    this.#diaries = Array.from({ length: count }, (_, at) => ({
      key: `appender-${at}`,
      sent: [],
      acknowledged: new Set(),
    }));
  }

  get acknowledged(): number {
    return this.#diaries.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  get unknown(): number {
    return this.#diaries.reduce((sum, { sent, acknowledged }) => sum + sent.length - acknowledged.size, 0);
  }

  start(): void {
    this.#running = Promise.all(this.#diaries.map((diary) => this.#append(diary)));
  }

  /** Resolves once all calls have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Reads every key and says what is wrong with it; nothing, if nothing is. */
  async faults(): Promise<string[]> {
    const faults = await Promise.all(this.#diaries.map((diary) => this.#faultsOf(diary)));
    return faults.flat();
  }

  async #append({ key, sent, acknowledged }: Diary): Promise<void> {
    while (!this.#stopped) {
      const token = `${sent.length};`;
      sent.push(token);
      try {
        await this.#client.append(key, token, { deadlineMs: 30_000 });
        acknowledged.add(token);
        this.#onAcknowledged();
      } catch (error) {
        if (!(error instanceof KvCallError)) throw error;
      }
    }
  }

  async #faultsOf({ key, sent, acknowledged }: Diary): Promise<string[]> {
    const value = (await this.#client.get(key, { deadlineMs: 30_000 })) ?? "";
    const found = value.match(/[^;]*;/g) ?? [];
    const faults: string[] = [];
    const counts = new Map<string, number>();
    for (const token of found) counts.set(token, (counts.get(token) ?? 0) + 1);
    for (const token of acknowledged) {
      if (!counts.has(token)) faults.push(`${key}: acknowledged ${token} is lost`);
    }
    for (const [token, count] of counts) {
      if (count > 1) faults.push(`${key}: ${token} is there ${count} times`);
      if (!sent.includes(token)) faults.push(`${key}: ${token} was never sent`);
    }
    const order = found.map((token) => Number.parseInt(token, 10));
    order.forEach((number, at) => {
      // A token without an answer may have come late, after the next ones: its client had given up on it.
      const before = order[at - 1] ?? -1;
      if (number < before && acknowledged.has(`${number};`)) faults.push(`${key}: ${number} after ${before}`);
    });
    return faults;
  }
}
