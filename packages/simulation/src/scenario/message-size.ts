import type { Message } from "@eraft/core";

/** A header and a handful of small numbers, as protobuf writes them; rounded up. */
const MESSAGE_BYTES = 24;
/** Index, term and the tags and lengths of an entry. */
const ENTRY_BYTES = 12;

/** About what `message` takes on the wire; of a snapshot, the header. */
export function messageBytes(message: Message): number {
  if (message.type !== "appendEntries") return MESSAGE_BYTES;
  return message.entries.reduce((sum, { command }) => sum + ENTRY_BYTES + command.length, MESSAGE_BYTES);
}

/** Whether `message` asks, as opposed to answers: one RPC is one request. */
export function isRequest({ type }: Message): boolean {
  switch (type) {
    case "requestVote":
    case "appendEntries":
    case "installSnapshot":
    case "preVote":
    case "timeoutNow":
    case "readIndex":
      return true;
    case "requestVoteResponse":
    case "appendEntriesResponse":
    case "installSnapshotResponse":
    case "preVoteResponse":
    case "readIndexResponse":
    case "refusal":
      return false;
  }
}
