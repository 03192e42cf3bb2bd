/** A view of the same bytes, to read and write numbers in them. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes a non-negative safe integer as 64 bits, little-endian. */
export function putUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

/** Reads 64 bits, little-endian. What `putUint53` cannot have written gives a number that is not a safe integer. */
export function getUint53(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** Whether `putUint53` can write it. */
export function isUint53(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The next multiple of 8. */
export function aligned(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** The offset after the last byte at or after `from` that is not zero; `from` if all are. */
export function endOfNonZero(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  const view = viewOf(bytes);
  while (end - 4 >= from && view.getUint32(end - 4, true) === 0) end -= 4;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}
