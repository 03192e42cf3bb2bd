import { KvCallError, type KvraftClient } from "@eraft/kv";

/** A new write so often: what is measured is when the cluster serves, and not how long one client happened to pause between its attempts. */
const EVERY_MS = 10;
/** Nothing but a cluster that does not serve takes so long. */
const DEADLINE_MS = 30_000;

/**
 * Begins a write at once and another one every few milliseconds, until the first of them is acknowledged. Resolves then, with its key, which is also
 * its value; the others are given up.
 */
export async function firstWrite(client: KvraftClient, name: string): Promise<string> {
  const over = new AbortController();
  const { promise: written, resolve, reject } = Promise.withResolvers<string>();
  let count = 0;
  const write = async (): Promise<void> => {
    count += 1;
    const key = `${name}-${count}`;
    try {
      await client.put(key, key, { signal: over.signal, deadlineMs: DEADLINE_MS });
      resolve(key);
    } catch (error) {
      // Given up because another one was faster; or this one has waited for longer than anything explains.
      if (!over.signal.aborted || !(error instanceof KvCallError)) reject(error);
    }
  };
  const begin = (): void => void write();
  begin();
  const timer = setInterval(begin, EVERY_MS);
  try {
    return await written;
  } finally {
    clearInterval(timer);
    over.abort();
  }
}
