import type {
  PreVoteResponse,
  ReadIndexResponse,
  RefusalReason as CoreRefusalReason,
  Response,
} from "@eraft/core";
import { RefusalReason } from "@eraft/proto/eraft/peer/v1";
import type { Response as WireResponse } from "@eraft/proto/eraft/peer/v1";

/** What goes from the one that is called back to the caller of a stream. */
export type StreamResponse = Response | PreVoteResponse | ReadIndexResponse;

export const REFUSAL_REASONS: Readonly<Record<CoreRefusalReason, RefusalReason>> = {
  termLeap: RefusalReason.TERM_LEAP,
  twoLeaders: RefusalReason.TWO_LEADERS,
  malformed: RefusalReason.MALFORMED,
};

export function encodeStreamResponse(message: StreamResponse): WireResponse {
  return {
    $typeName: "eraft.peer.v1.Response",
    sequence: BigInt(message.sequence),
    term: BigInt(message.term),
    body: bodyOf(message),
  };
}

function bodyOf(message: StreamResponse): WireResponse["body"] {
  switch (message.type) {
    case "requestVoteResponse": {
      const { voteGranted } = message;
      return { case: "requestVote", value: { $typeName: "eraft.peer.v1.RequestVoteResponse", voteGranted } };
    }
    case "preVoteResponse": {
      const { voteGranted } = message;
      return { case: "preVote", value: { $typeName: "eraft.peer.v1.PreVoteResponse", voteGranted } };
    }
    case "appendEntriesResponse":
      return {
        case: "appendEntries",
        value: {
          $typeName: "eraft.peer.v1.AppendEntriesResponse",
          success: message.success,
          matchIndex: BigInt(message.matchIndex),
          conflictIndex: BigInt(message.conflictIndex),
          conflictTerm: BigInt(message.conflictTerm),
        },
      };
    case "readIndexResponse": {
      const readIndex = BigInt(message.readIndex);
      return { case: "readIndex", value: { $typeName: "eraft.peer.v1.ReadIndexResponse", readIndex } };
    }
    case "installSnapshotResponse":
      return { case: "snapshot", value: { $typeName: "eraft.peer.v1.SnapshotResponse" } };
    case "refusal": {
      const reason = REFUSAL_REASONS[message.reason];
      return { case: "refusal", value: { $typeName: "eraft.peer.v1.Refusal", reason } };
    }
  }
}
