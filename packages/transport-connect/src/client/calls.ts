import type {
  AppendEntries,
  AppendEntriesResponse,
  InstallSnapshot,
  InstallSnapshotResponse,
  RequestVote,
  RequestVoteResponse,
} from "@eraft/core";
import { RaftService } from "@eraft/proto/raftpb";
import type { PeerConnection } from "../options.ts";
import {
  decodeAppendEntriesResponse,
  decodeInstallSnapshotResponse,
  decodeRequestVoteResponse,
} from "../codec/raftpb/decode-response.ts";
import {
  encodeAppendEntries,
  encodeInstallSnapshot,
  encodeRequestVote,
} from "../codec/raftpb/encode-request.ts";

/**
 * The three calls of raftpb.RaftService: request out, the core's response back. The wire has neither a sequence nor a match index; both
 * come from the request, which is at hand here. A string instead of a response says what is wrong with the reply. They reject with
 * whatever the connection rejects with.
 */

export async function callRequestVote(
  connection: PeerConnection,
  signal: AbortSignal,
  deadlineMs: number,
  message: RequestVote,
): Promise<RequestVoteResponse | string> {
  const request = encodeRequestVote(message);
  const reply = await connection.unary(
    RaftService.method.requestVote,
    signal,
    deadlineMs,
    undefined,
    request,
  );
  return decodeRequestVoteResponse(reply.message, message);
}

/** Sends the first `count` entries of `message`. */
export async function callAppendEntries(
  connection: PeerConnection,
  signal: AbortSignal,
  deadlineMs: number,
  message: AppendEntries,
  count: number,
): Promise<AppendEntriesResponse | string> {
  const request = encodeAppendEntries(message, count);
  const reply = await connection.unary(
    RaftService.method.appendEntries,
    signal,
    deadlineMs,
    undefined,
    request,
  );
  return decodeAppendEntriesResponse(reply.message, message, count);
}

export async function callInstallSnapshot(
  connection: PeerConnection,
  signal: AbortSignal,
  deadlineMs: number,
  header: InstallSnapshot,
  data: Uint8Array,
): Promise<InstallSnapshotResponse | string> {
  const request = encodeInstallSnapshot(header, data);
  const reply = await connection.unary(
    RaftService.method.installSnapshot,
    signal,
    deadlineMs,
    undefined,
    request,
  );
  return decodeInstallSnapshotResponse(reply.message, header);
}
