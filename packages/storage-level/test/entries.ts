import type { Entry, HardState, StoredSnapshot, WriteBatch } from "@eraft/core";

/** Entries of one term with commands of so many bytes. */
export function entries(first: number, term: number, ...sizes: readonly number[]): Entry[] {
  return sizes.map((size, i) => ({ index: first + i, term, command: new Uint8Array(size).fill(first + i) }));
}

export function batch(parts: Partial<WriteBatch>): WriteBatch {
  return { hardState: null, truncateFrom: null, entries: [], ...parts };
}

export function vote(term: number, votedFor: number | null): { readonly hardState: HardState } {
  return { hardState: { term, votedFor } };
}

export function chunksIn(stored: StoredSnapshot | null): AsyncIterator<Uint8Array> {
  if (stored === null) throw new Error("no snapshot is stored");
  return stored.chunks[Symbol.asyncIterator]();
}

export async function bytesIn(stored: StoredSnapshot | null): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of { [Symbol.asyncIterator]: () => chunksIn(stored) })
    all.push(new Uint8Array(chunk));
  return Buffer.concat(all);
}
