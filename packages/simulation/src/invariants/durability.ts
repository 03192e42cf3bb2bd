import type { HardState, LogIndex, Message, NodeId } from "@eraft/core";
import { mustHold } from "../violation.ts";

/** A server with what its disk holds durably. */
interface Durable {
  readonly id: NodeId;
  readonly disk: { readonly hardState: HardState; readonly lastIndex: LogIndex };
}

/** What a server says, its disk must already know (dissertation, Figure 3.1: persistent state is updated before responding). */
export function checkPromise({ id, disk }: Durable, message: Message): void {
  const { hardState } = disk;
  mustHold(
    hardState.term >= message.term,
    "Write Ahead: Term",
    () => `${id} sends ${message.type} of term ${message.term}, its disk says ${hardState.term}`,
  );
  if (message.type === "requestVote") {
    mustHold(
      hardState.term > message.term || hardState.votedFor === id,
      "Write Ahead: Vote",
      () => `${id} stands for term ${message.term} without its own vote on disk`,
    );
  }
  if (message.type === "requestVoteResponse" && message.voteGranted) {
    mustHold(
      hardState.term > message.term || hardState.votedFor === message.to,
      "Write Ahead: Vote",
      () => `${id} grants ${message.to} a vote in term ${message.term} that is not on disk`,
    );
  }
  if (message.type === "appendEntriesResponse" && message.success) {
    mustHold(
      // A later leader may have made it drop the entries since; then the answer is of an older term, which binds nobody.
      disk.lastIndex >= message.matchIndex || hardState.term > message.term,
      "Write Ahead: Log",
      () => `${id} confirms entry ${message.matchIndex}, its disk ends at ${disk.lastIndex}`,
    );
  }
}
