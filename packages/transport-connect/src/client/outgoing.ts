import type { AppendEntries } from "@eraft/core";
import type { StreamRequest } from "../codec/peer/encode-request.ts";
import { fitEntries } from "../codec/sizes.ts";
import { PeerError } from "../peer-error.ts";

/** A request, ready to be sent over either wire. */
export interface Outgoing {
  readonly message: StreamRequest;
  /** How many of its entries are sent; the answer covers just these. */
  readonly count: number;
  /** An upper bound of the bytes of an AppendEntries with entries; 0 for everything else. */
  readonly sizeBytes: number;
}

/** Cuts an AppendEntries to the leading entries that fit into a message. An error if not even one does. */
export function outgoing(
  message: StreamRequest,
  address: string,
  maxMessageBytes: number,
): Outgoing | PeerError {
  if (message.type !== "appendEntries" || message.entries.length === 0) {
    return { message, count: 0, sizeBytes: 0 };
  }
  const { count, sizeBytes } = fitEntries(message.entries, maxMessageBytes);
  if (count === 0) return tooLarge(message, address, maxMessageBytes);
  return { message, count, sizeBytes };
}

function tooLarge({ entries }: AppendEntries, address: string, maxMessageBytes: number): PeerError {
  const [entry] = entries;
  const text = `entry ${entry?.index} of ${entry?.command.byteLength} bytes exceeds a message of ${maxMessageBytes} bytes`;
  return new PeerError("tooLarge", `${address}: ${text}`);
}
