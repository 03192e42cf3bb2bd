import type { KvRange } from "./arguments.ts";
import type { KvItem } from "./item.ts";
import type { KvOperations, KvPageOptions } from "./operations.ts";

export interface KvScanOptions extends Omit<KvPageOptions, "limit" | "pageToken"> {
  /** Ends after so many items. Default: all. */
  readonly limit?: number;
  /** Items that are asked for at a time: 1 to 10,000 (default 1,000). */
  readonly pageSize?: number;
}

/** All items of a range. A page is asked for when its first item is; every page has the time of a call. */
export async function* scan(
  kv: Pick<KvOperations, "scanPage">,
  range: KvRange,
  options: KvScanOptions,
): AsyncGenerator<KvItem, void, undefined> {
  const { limit = Infinity, pageSize = 1000, ...rest } = options;
  let left = limit;
  let token: Uint8Array | null = null;
  do {
    const page: KvPageOptions = { ...rest, limit: Math.min(pageSize, left) };
    const { items, nextPageToken } = await kv.scanPage(
      range,
      token === null ? page : { ...page, pageToken: token },
    );
    yield* items;
    left -= items.length;
    token = nextPageToken;
  } while (token !== null && left > 0);
}
