import type { KvClient } from "@eraft/kv";
import type { DumpItem } from "./format.ts";

/** What goes into one batch: enough that messages cost little, and far from the limits. */
const MAX_BATCH_ITEMS = 100;
const MAX_BATCH_BYTES = 256 * 1024;
/** Under way at a time. */
const CONCURRENCY = 8;

/** Puts all items, each key once. `put` is told after each batch how many are there for certain. Rejects with the first failure, when nothing is under way any more. */
export async function load(
  store: Pick<KvClient, "batch">,
  items: AsyncIterable<DumpItem>,
  put: (count: number) => void,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const batch of batchesOf(items)) {
      const operations = batch.map(({ key, value }) => ({ op: "put", key, value }) as const);
      const done: Promise<void> = store
        .batch(operations)
        .then(() => put(batch.length))
        .catch((error: unknown) => void failures.push(error))
        .finally(() => underWay.delete(done));
      underWay.add(done);
      if (underWay.size >= CONCURRENCY) await Promise.race(underWay);
      if (failures.length > 0) break;
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failures.length > 0) throw failures[0];
}

async function* batchesOf(items: AsyncIterable<DumpItem>): AsyncGenerator<readonly DumpItem[]> {
  let batch: DumpItem[] = [];
  let bytes = 0;
  for await (const item of items) {
    const size = item.key.length + item.value.length;
    if (batch.length > 0 && (batch.length >= MAX_BATCH_ITEMS || bytes + size > MAX_BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
