import type { AppendEntries, Entry, NodeId } from "@eraft/core";
import type { Entry as WireEntry, Request as WireRequest } from "@eraft/proto/eraft/peer/v1";
import { notAnEntryTerm, notAPlaceInALog, notFrom } from "../checks.ts";
import { decodeConfiguration } from "../configuration.ts";
import { OwnBytes } from "../own-bytes.ts";
import type { StreamRequest } from "./encode-request.ts";
import { notASequence } from "./sequence.ts";

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly sequence: number;
}

/** The message that a valid request stands for; a string says what is wrong with an invalid one. */
export function decodeStreamRequest(wire: WireRequest, from: NodeId, to: NodeId): StreamRequest | string {
  const sequence = Number(wire.sequence);
  const term = Number(wire.term);
  // A server that has never heard of an election may ask before its first one.
  const termMin = wire.body.case === "preVote" ? 0 : 1;
  const fault = notASequence(sequence) ?? notFrom(termMin, "term", term);
  if (fault !== null) return fault;
  return decodeBody(wire.body, { from, to, term, sequence });
}

function decodeBody(body: WireRequest["body"], envelope: Envelope): StreamRequest | string {
  switch (body.case) {
    case "requestVote": {
      const place = lastOfLog(body.value.lastLogIndex, body.value.lastLogTerm, envelope.term);
      if (typeof place === "string") return place;
      const vote = { type: "requestVote", ...envelope, ...place } as const;
      return body.value.leadershipTransfer ? { ...vote, leadershipTransfer: true } : vote;
    }
    case "preVote": {
      const place = lastOfLog(body.value.lastLogIndex, body.value.lastLogTerm, envelope.term);
      return typeof place === "string" ? place : { type: "preVote", ...envelope, ...place };
    }
    case "appendEntries":
      return decodeAppend(body.value, envelope);
    case "timeoutNow":
      return { type: "timeoutNow", ...envelope };
    case "readIndex":
      return { type: "readIndex", ...envelope };
    case undefined:
      return "a request of a kind that is unknown here";
  }
}

function lastOfLog(
  index: bigint,
  indexTerm: bigint,
  term: number,
): { readonly lastLogIndex: number; readonly lastLogTerm: number } | string {
  const lastLogIndex = Number(index);
  const lastLogTerm = Number(indexTerm);
  const fault =
    notFrom(0, "last_log_index", lastLogIndex) ??
    notFrom(0, "last_log_term", lastLogTerm) ??
    notAPlaceInALog("last_log_index", lastLogIndex, "last_log_term", lastLogTerm, term);
  return fault ?? { lastLogIndex, lastLogTerm };
}

function decodeAppend(
  wire: Extract<WireRequest["body"], { case: "appendEntries" }>["value"],
  envelope: Envelope,
): AppendEntries | string {
  const prevLogIndex = Number(wire.prevLogIndex);
  const prevLogTerm = Number(wire.prevLogTerm);
  const leaderCommit = Number(wire.leaderCommit);
  const lastIndex = prevLogIndex + wire.entries.length;
  const fault =
    notFrom(0, "prev_log_index", prevLogIndex) ??
    notFrom(0, "prev_log_term", prevLogTerm) ??
    notFrom(0, "leader_commit", leaderCommit) ??
    notFrom(0, "the index of the last entry", lastIndex) ??
    notAPlaceInALog("prev_log_index", prevLogIndex, "prev_log_term", prevLogTerm, envelope.term);
  if (fault !== null) return fault;
  if (leaderCommit > lastIndex) {
    return `leader_commit ${leaderCommit} is above ${lastIndex}, the last that the request verifies`;
  }
  const entries: Entry[] = [];
  const bytes = new OwnBytes(wire.entries);
  let previousTerm = prevLogTerm;
  for (const wireEntry of wire.entries) {
    const index = prevLogIndex + entries.length + 1;
    const entry = decodeEntry(wireEntry, bytes, index, previousTerm, envelope.term);
    if (typeof entry === "string") return entry;
    entries.push(entry);
    previousTerm = entry.term;
  }
  return { type: "appendEntries", ...envelope, prevLogIndex, prevLogTerm, leaderCommit, entries };
}

function decodeEntry(
  wire: WireEntry,
  bytes: OwnBytes,
  index: number,
  previousTerm: number,
  requestTerm: number,
): Entry | string {
  const term = wire.term === 0n ? requestTerm : Number(wire.term);
  // The words for what is wrong are put together only then: this is done for every entry.
  if (!Number.isSafeInteger(term) || term < 1 || term < previousTerm || term > requestTerm) {
    const fault = notFrom(1, `term of entry ${index}`, term);
    return fault ?? notAnEntryTerm(index, term, previousTerm, requestTerm) ?? `entry ${index} has no term`;
  }
  const command = bytes.own(wire.command);
  if (wire.configuration === undefined) return { index, term, command };
  if (command.byteLength > 0) return `entry ${index} has both a command and a configuration`;
  const configuration = decodeConfiguration(wire.configuration);
  if (typeof configuration === "string") return `entry ${index}: ${configuration}`;
  return { index, term, command, configuration };
}
