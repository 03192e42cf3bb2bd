/** A view of the same bytes, to read and write numbers in them. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes a non-negative safe integer as 64 bits, big-endian, so that keys are in the order of their numbers. */
export function putUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value % 2 ** 32);
}

/** Reads 64 bits, big-endian. What `putUint53` cannot have written gives a number that is not a safe integer. */
export function getUint53(view: DataView, offset: number): number {
  return view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
}

/** As `getUint32` of a view, for those who read millions and would make a view for each. */
export function uint32At(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  const low = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
  return high * 65_536 + low;
}

/** As `getUint53`. */
export function uint53At(bytes: Uint8Array, offset: number): number {
  return uint32At(bytes, offset) * 2 ** 32 + uint32At(bytes, offset + 4);
}

/** Whether `putUint53` can write it. */
export function isUint53(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
