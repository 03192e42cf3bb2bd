import type { OutgoingSnapshot } from "@eraft/core";

/** Joins the chunks, since this wire carries a snapshot in one message. Rejects when they are not exactly `snapshot.size` bytes. */
export async function snapshotBytes(snapshot: OutgoingSnapshot): Promise<Uint8Array> {
  const bytes = new Uint8Array(snapshot.size);
  let offset = 0;
  for await (const chunk of snapshot.chunks) {
    if (offset + chunk.byteLength > bytes.byteLength) {
      throw new RangeError(`the snapshot has more than the ${snapshot.size} bytes it was announced with`);
    }
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  if (offset !== bytes.byteLength) {
    throw new RangeError(`the snapshot has ${offset} bytes, not the ${snapshot.size} it was announced with`);
  }
  return bytes;
}
