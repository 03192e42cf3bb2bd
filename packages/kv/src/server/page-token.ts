import { KvInvalidArgumentError } from "../errors.ts";
import { type ByteString, byteStringOf, bytesOf } from "../state/byte-string.ts";
import { crc32 } from "../state/crc32.ts";
import { type Keys, isWithin } from "./key-range.ts";

/** What a scan goes through, page by page. */
export interface ScanOrder extends Keys {
  readonly isDescending: boolean;
}

const CHECK_BYTES = 4;

/** Where the next page begins: four bytes that only fit this scan, and the last key of the page before. Callers do not look into it. */
export function pageToken(order: ScanOrder, lastKey: ByteString): Uint8Array<ArrayBuffer> {
  const token = new Uint8Array(CHECK_BYTES + lastKey.length);
  token.set(bytesOf(lastKey), CHECK_BYTES);
  new DataView(token.buffer).setUint32(0, checkOf(order, lastKey));
  return token;
}

/** What is left of a scan from the page of `token` on. @throws KvInvalidArgumentError if that is of another scan, or none at all */
export function fromPage(order: ScanOrder, token: Uint8Array): ScanOrder {
  if (token.length === 0) return order;
  const lastKey = byteStringOf(token.subarray(CHECK_BYTES));
  const isOfScan =
    token.length > CHECK_BYTES &&
    isWithin(order, lastKey) &&
    new DataView(token.buffer, token.byteOffset).getUint32(0) === checkOf(order, lastKey);
  if (!isOfScan) {
    throw new KvInvalidArgumentError(
      "the page token is none of this scan: give range and descending as they were",
    );
  }
  return order.isDescending ? { ...order, end: lastKey } : { ...order, start: `${lastKey}\0` };
}

function checkOf({ start, end, isDescending }: ScanOrder, lastKey: ByteString): number {
  const lengths = `${isDescending},${start.length},${end?.length ?? -1},`;
  return crc32(bytesOf(lengths + start + (end ?? "") + lastKey));
}
