import { PeerService } from "@eraft/proto/eraft/peer/v1";
import type {
  InstallSnapshotRequest,
  InstallSnapshotRequestSchema,
  InstallSnapshotResponseSchema,
} from "@eraft/proto/eraft/peer/v1";
import type { Attempt, Kind } from "../client/attempt.ts";
import { encodeSnapshotHeader } from "../codec/peer/snapshot-header.ts";
import type { TransferHeader } from "../codec/peer/snapshot-header.ts";
import type { Block } from "./window.ts";

export type UploadKind = Kind<typeof InstallSnapshotRequestSchema, typeof InstallSnapshotResponseSchema>;
export type UploadCall = Attempt<typeof InstallSnapshotRequestSchema, typeof InstallSnapshotResponseSchema>;

/** A call that carries a snapshot, `header` as it is when the call begins. */
export function uploadOf(header: () => TransferHeader): UploadKind {
  return {
    method: PeerService.method.installSnapshot,
    greeting: (hello) => ({ ...frame(), hello, header: encodeSnapshotHeader(header()) }),
    farewell: (rejection) => ({ ...frame(), rejection }),
    welcomeIn: ({ welcome }) => welcome,
  };
}

export function chunkOf({ offset, bytes, checksum }: Block): InstallSnapshotRequest {
  return {
    ...frame(),
    chunk: { $typeName: "eraft.peer.v1.Chunk", offset: BigInt(offset), data: bytes, checksum },
  };
}

/** The sender gives up. */
export function abortOf(reason: unknown): InstallSnapshotRequest {
  const text = reason instanceof Error ? reason.message : String(reason);
  // An empty one would be none.
  return { ...frame(), abort: text || "given up" };
}

function frame(): InstallSnapshotRequest {
  return { $typeName: "eraft.peer.v1.InstallSnapshotRequest", abort: "" };
}
