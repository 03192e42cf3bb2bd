/** Where `hashText` starts. */
export const HASH_SEED: number = 0x811c9dc5 | 0;

/**
 * FNV-1a over UTF-16 code units, an int32. It runs on from an earlier result: hashing "ab" is hashing "b" onto the hash of "a",
 * so a value that grows by appends is never hashed from its beginning again.
 */
export function hashText(text: string, seed: number = HASH_SEED): number {
  let hash = seed;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Spreads the bits of `value` into `hash` (the steps of MurmurHash3), so that open addressing meets no runs. */
export function mixHash(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51 | 0);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** The closing step of MurmurHash3: every input bit reaches every output bit. */
export function finishHash(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b | 0);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35 | 0);
  return h ^ (h >>> 16);
}
