import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { IdentityRefusal, NodeId } from "@eraft/core";
import { RejectionReason, RejectionSchema } from "@eraft/proto/eraft/peer/v1";
import type { Rejection } from "@eraft/proto/eraft/peer/v1";
import { decodeRefusal, REJECTION_REASONS } from "../codec/peer/identity.ts";

export interface Versions {
  readonly min: number;
  readonly max: number;
}

const TEXTS: Readonly<Record<IdentityRefusal, string>> = {
  otherCluster: "belongs to another cluster",
  otherDisk: "has another disk than the cluster knows it by",
  olderDisk: "has an older copy of its disk",
};

export function textOf(peer: NodeId, refusal: IdentityRefusal): string {
  return `server ${peer} ${TEXTS[refusal]}`;
}

export function rejectionOf(refusal: IdentityRefusal): Rejection {
  return create(RejectionSchema, { reason: REJECTION_REASONS[refusal] });
}

/** What the other side gets to hear. */
export function rejectionError(peer: NodeId, refusal: IdentityRefusal): ConnectError {
  return withDetail(textOf(peer, refusal), rejectionOf(refusal));
}

/** There is no version that both speak. */
export function versionError(text: string, versions: Versions): ConnectError {
  const rejection = create(RejectionSchema, {
    reason: RejectionReason.VERSION,
    versionMin: versions.min,
    versionMax: versions.max,
  });
  return withDetail(text, rejection);
}

/** Why the other side will not talk to us: null if the error says no such thing. */
export function findRejection(error: ConnectError): IdentityRefusal | "version" | null {
  if (error.code !== Code.FailedPrecondition) return null;
  const [rejection] = error.findDetails(RejectionSchema);
  if (rejection === undefined) return null;
  return rejection.reason === RejectionReason.VERSION ? "version" : decodeRefusal(rejection.reason);
}

function withDetail(text: string, rejection: Rejection): ConnectError {
  const detail = { desc: RejectionSchema, value: rejection };
  return new ConnectError(text, Code.FailedPrecondition, undefined, [detail]);
}
