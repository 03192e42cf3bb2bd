/**
 * A log keeps an entry long after its message. A command that is a small part of the received buffer is copied out, or one entry of 100
 * bytes could keep 4 MiB alive; one that fills at least half of it stays where it is.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength * 2 >= bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
