import { join } from "node:path";
import { WalDamageError, WalIdentityDamageError } from "./errors.ts";
import type { WalFileSystem } from "./file-system.ts";
import type { IdentityContent } from "./identity-format.ts";
import { MAX_IDENTITY_BYTES, decodeIdentity, encodeIdentity } from "./identity-format.ts";
import { IDENTITY_NAME, TEMPORARY, segmentName, sortNames } from "./names.ts";

/**
 * What the directory says of itself, null if nothing. Changes nothing. Throws `WalIdentityDamageError`, `WalFormatError`, `WalDamageError` if the
 * log is gone that it once had, or what the file system throws.
 */
export async function readIdentity(fs: WalFileSystem, dir: string): Promise<IdentityContent | null> {
  const names = fs.list(dir);
  if (!names.includes(IDENTITY_NAME)) return null;
  const path = join(dir, IDENTITY_NAME);
  const content = decodeIdentity(path, await readFile(fs, path));
  if (content.hasLog && sortNames(names).segments.length === 0) {
    // Peers know by this identity a disk that has voted and confirmed entries. This one has forgotten all of it.
    const what = `all segments are missing, but ${path} says that there was a log`;
    throw new WalDamageError(join(dir, segmentName(1)), 0, what);
  }
  return content;
}

async function readFile(fs: WalFileSystem, path: string): Promise<Uint8Array> {
  const file = fs.open(path, "read");
  try {
    const size = file.sizeBytes();
    if (size > MAX_IDENTITY_BYTES) {
      throw new WalIdentityDamageError(path, MAX_IDENTITY_BYTES, "the file is longer than any identity");
    }
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, await file.read(bytes, 0));
  } finally {
    file.close();
  }
}

/** Resolves once `content` has replaced what was there, for good. A crash before that leaves the one or the other, whole. */
export async function replaceIdentity(
  fs: WalFileSystem,
  dir: string,
  content: IdentityContent,
): Promise<void> {
  const path = join(dir, IDENTITY_NAME);
  const file = fs.open(path + TEMPORARY, "create");
  try {
    file.write(encodeIdentity(content), 0);
    await file.sync();
  } finally {
    file.close();
  }
  fs.rename(path + TEMPORARY, path);
  await fs.syncDirectory(dir);
}
