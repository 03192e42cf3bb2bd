/** What a disk holds: complete paths and the bytes of the files. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** One change, or one promise of durability, in the order in which they were asked for. `inode` names a file whatever it is called. */
export type DiskOperation =
  | { readonly type: "create"; readonly path: string; readonly inode: number }
  | { readonly type: "truncate"; readonly inode: number; readonly sizeBytes: number }
  | { readonly type: "write"; readonly inode: number; readonly position: number; readonly bytes: Uint8Array }
  | { readonly type: "sync"; readonly inode: number }
  | { readonly type: "rename"; readonly from: string; readonly to: string; readonly inode: number }
  | { readonly type: "remove"; readonly path: string }
  | { readonly type: "syncDirectory" };

/** Equal for equal images, and only for these. */
export function fingerprint(image: DiskImage): string {
  const files = [...image].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return files.map(([path, bytes]) => `${path}:${bytes.length}:${textOf(bytes)}`).join("\n");
}

/** One character per byte, a different one for each. Contents are never modified, and most images share most of theirs: each is looked at once. */
function textOf(bytes: Uint8Array): string {
  const known = TEXTS.get(bytes);
  if (known !== undefined) return known;
  const text = LATIN1.decode(bytes);
  TEXTS.set(bytes, text);
  return text;
}

/** Every platform has it. */
declare class TextDecoder {
  constructor(encoding: "latin1");
  decode(bytes: Uint8Array): string;
}

const TEXTS = new WeakMap<Uint8Array, string>();
const LATIN1 = new TextDecoder("latin1");

/** A file's new content after a change of its size; what is added reads as zeros. */
export function resized(content: Uint8Array, sizeBytes: number): Uint8Array {
  const result = new Uint8Array(sizeBytes);
  result.set(content.subarray(0, sizeBytes));
  return result;
}

/** A file's new content after a write. Contents are never modified, so images can share them. */
export function written(content: Uint8Array, bytes: Uint8Array, position: number): Uint8Array {
  const result = new Uint8Array(Math.max(content.length, position + bytes.length));
  result.set(content);
  result.set(bytes, position);
  return result;
}
