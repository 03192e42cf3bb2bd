import { KvCallError, type KvClient, type KvraftClient } from "@eraft/kv";

/** What an appender needs of a client, whatever contract that speaks. */
export interface AppendingClient {
  append(key: string, token: string): Promise<unknown>;
  read(key: string): Promise<string>;
}

const OPTIONS = { deadlineMs: 30_000 };

/** Of the Go nodes' contract: each append that is under way has a session of its own. */
export function kvraftAppends(client: KvraftClient): AppendingClient {
  return {
    append: (key, token) => client.append(key, token, OPTIONS),
    read: async (key) => (await client.get(key, OPTIONS)) ?? "",
  };
}

/** Of eraft.kv.v1: all appends share one session. */
export function kvV1Appends(client: KvClient): AppendingClient {
  return {
    append: (key, token) => client.append(key, token, OPTIONS),
    read: async (key) => (await client.get(key, OPTIONS))?.text ?? "",
  };
}

/** What one appender wrote to its key, in order. */
interface Diary {
  readonly key: string;
  readonly client: AppendingClient;
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
  readonly #onAcknowledged: () => void;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  /** They take turns in `clients`. */
  constructor(
    clients: readonly [AppendingClient, ...AppendingClient[]],
    count: number,
    onAcknowledged: () => void,
  ) {
    this.#onAcknowledged = onAcknowledged;
    this.#diaries = Array.from({ length: count }, (_, at) => ({
      key: `appender-${at}`,
      client: clients[at % clients.length] ?? clients[0],
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

  /** To be called once, and again after `stop`. */
  start(): void {
    this.#stopped = false;
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

  async #append({ key, client, sent, acknowledged }: Diary): Promise<void> {
    while (!this.#stopped) {
      const token = `${sent.length};`;
      sent.push(token);
      try {
        await client.append(key, token);
        acknowledged.add(token);
        this.#onAcknowledged();
      } catch (error) {
        if (!(error instanceof KvCallError)) throw error;
      }
    }
  }

  async #faultsOf({ key, client, sent, acknowledged }: Diary): Promise<string[]> {
    const value = await client.read(key);
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
