import type { IdentityRefusal, PeerIdentity } from "@eraft/core";
import { RejectionReason } from "@eraft/proto/eraft/peer/v1";
import type { Identity } from "@eraft/proto/eraft/peer/v1";
import { notFrom } from "../checks.ts";

/** Names are random or derived; whoever sends longer ones has something else in mind. */
const MAX_NAME_LENGTH = 256;

export const REJECTION_REASONS: Readonly<Record<IdentityRefusal, RejectionReason>> = {
  otherCluster: RejectionReason.OTHER_CLUSTER,
  otherDisk: RejectionReason.OTHER_DISK,
  olderDisk: RejectionReason.OLDER_DISK,
};

export function encodeIdentity({ clusterId, incarnation, starts }: PeerIdentity): Identity {
  return {
    $typeName: "eraft.peer.v1.Identity",
    clusterId: clusterId ?? "",
    incarnation,
    starts: BigInt(starts),
  };
}

/** A string says what is wrong with it. */
export function decodeIdentity(wire: Identity): PeerIdentity | string {
  const starts = Number(wire.starts);
  const fault = notFrom(0, "starts", starts);
  if (fault !== null) return fault;
  if (wire.incarnation === "") return "the incarnation is empty";
  if (wire.incarnation.length > MAX_NAME_LENGTH || wire.clusterId.length > MAX_NAME_LENGTH) {
    return `cluster id and incarnation have at most ${MAX_NAME_LENGTH} characters`;
  }
  return {
    clusterId: wire.clusterId === "" ? null : wire.clusterId,
    incarnation: wire.incarnation,
    starts,
  };
}

/** Null for a reason that is none of these. */
export function decodeRefusal(reason: RejectionReason): IdentityRefusal | null {
  for (const refusal of Object.keys(REJECTION_REASONS) as IdentityRefusal[]) {
    if (REJECTION_REASONS[refusal] === reason) return refusal;
  }
  return null;
}
