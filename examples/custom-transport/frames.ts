import type { InstallSnapshot, Message, NodeId } from "@eraft/core";

/** What goes over the ports. A port copies plain objects and bytes, so Raft's messages go as they are. */
export type Frame = { readonly from: NodeId; readonly to: NodeId } & (
  | { readonly type: "message"; readonly message: Message }
  /** The receiver has taken so many messages: there is room for as many. */
  | { readonly type: "taken"; readonly count: number }
  /** A snapshot comes. Its chunks are sent one by one, each when it is asked for. */
  | { readonly type: "snapshot"; readonly upload: number; readonly header: InstallSnapshot }
  | { readonly type: "next"; readonly upload: number }
  /** Null after the last one. */
  | { readonly type: "chunk"; readonly upload: number; readonly bytes: Uint8Array | null }
  /** The receiver is done with it; `failure` says why, if it could not be used. */
  | { readonly type: "over"; readonly upload: number; readonly failure: string | null }
  /** The sender cannot go on with it. */
  | { readonly type: "broken"; readonly upload: number }
  /** From the switchboard: the server can be reached. */
  | { readonly type: "plugged" }
  /** From the switchboard: `from` is not there. `hasLeft` when it goes, otherwise in answer to a frame. */
  | { readonly type: "absent"; readonly hasLeft: boolean }
);

/** A copy without what its bytes are a view of: a port would copy all of that, which may be a page of the log. */
export function compact(message: Message): Message {
  if (message.type !== "appendEntries") return message;
  const entries = message.entries.map((entry) => ({ ...entry, command: entry.command.slice() }));
  return { ...message, entries };
}
