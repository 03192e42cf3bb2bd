import type { NodeId, RefusalReason as CoreRefusalReason } from "@eraft/core";
import type { RefusalReason, Response as WireResponse } from "@eraft/proto/eraft/peer/v1";
import { notFrom } from "../checks.ts";
import { REFUSAL_REASONS } from "./encode-response.ts";
import type { StreamResponse } from "./encode-response.ts";
import { notASequence } from "./sequence.ts";

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly sequence: number;
}

/** The message that a valid response stands for; a string says what is wrong with an invalid one. */
export function decodeStreamResponse(wire: WireResponse, from: NodeId, to: NodeId): StreamResponse | string {
  const sequence = Number(wire.sequence);
  const term = Number(wire.term);
  const fault = notASequence(sequence) ?? notFrom(0, "term", term);
  if (fault !== null) return fault;
  return decodeBody(wire.body, { from, to, term, sequence });
}

function decodeBody(body: WireResponse["body"], envelope: Envelope): StreamResponse | string {
  switch (body.case) {
    case "requestVote":
      return { type: "requestVoteResponse", ...envelope, voteGranted: body.value.voteGranted };
    case "preVote":
      return { type: "preVoteResponse", ...envelope, voteGranted: body.value.voteGranted };
    case "appendEntries":
      return decodeAppendEntries(body.value, envelope);
    case "readIndex": {
      const readIndex = Number(body.value.readIndex);
      return notFrom(-1, "read_index", readIndex) ?? { type: "readIndexResponse", ...envelope, readIndex };
    }
    case "snapshot":
      return { type: "installSnapshotResponse", ...envelope };
    case "refusal": {
      const reason = reasonOf(body.value.reason);
      return reason === null
        ? `a refusal for a reason that is unknown here, ${body.value.reason}`
        : { type: "refusal", ...envelope, reason };
    }
    case undefined:
      return "an answer of a kind that is unknown here";
  }
}

function decodeAppendEntries(
  wire: Extract<WireResponse["body"], { case: "appendEntries" }>["value"],
  envelope: Envelope,
): StreamResponse | string {
  const { success } = wire;
  const matchIndex = Number(wire.matchIndex);
  const conflictIndex = Number(wire.conflictIndex);
  const conflictTerm = Number(wire.conflictTerm);
  const fault =
    notFrom(0, "match_index", matchIndex) ??
    notFrom(0, "conflict_index", conflictIndex) ??
    notFrom(-1, "conflict_term", conflictTerm);
  if (fault !== null) return fault;
  return { type: "appendEntriesResponse", ...envelope, success, matchIndex, conflictIndex, conflictTerm };
}

function reasonOf(wire: RefusalReason): CoreRefusalReason | null {
  for (const reason of Object.keys(REFUSAL_REASONS) as CoreRefusalReason[]) {
    if (REFUSAL_REASONS[reason] === wire) return reason;
  }
  return null;
}
