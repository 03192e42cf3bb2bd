import type { AppendEntries, Entry, PreVote, ReadIndexRequest, RequestVote, TimeoutNow } from "@eraft/core";
import type { Entry as WireEntry, Request as WireRequest } from "@eraft/proto/eraft/peer/v1";
import { encodeConfiguration } from "../configuration.ts";

/** What goes from the caller of a stream to the one that is called. */
export type StreamRequest = RequestVote | AppendEntries | PreVote | TimeoutNow | ReadIndexRequest;

/**
 * Encodes a request, of an AppendEntries only the first `count` entries. Plain objects instead of protobuf-es's `create`: this is done for every
 * entry and every follower.
 */
export function encodeStreamRequest(message: StreamRequest, count = 0): WireRequest {
  return {
    $typeName: "eraft.peer.v1.Request",
    sequence: BigInt(message.sequence),
    term: BigInt(message.term),
    body: bodyOf(message, count),
  };
}

function bodyOf(message: StreamRequest, count: number): WireRequest["body"] {
  switch (message.type) {
    case "requestVote":
      return {
        case: "requestVote",
        value: {
          $typeName: "eraft.peer.v1.RequestVote",
          lastLogIndex: BigInt(message.lastLogIndex),
          lastLogTerm: BigInt(message.lastLogTerm),
          leadershipTransfer: message.leadershipTransfer ?? false,
        },
      };
    case "appendEntries":
      return { case: "appendEntries", value: encodeAppend(message, count) };
    case "preVote":
      return {
        case: "preVote",
        value: {
          $typeName: "eraft.peer.v1.PreVote",
          lastLogIndex: BigInt(message.lastLogIndex),
          lastLogTerm: BigInt(message.lastLogTerm),
        },
      };
    case "timeoutNow":
      return { case: "timeoutNow", value: { $typeName: "eraft.peer.v1.TimeoutNow" } };
    case "readIndex":
      return { case: "readIndex", value: { $typeName: "eraft.peer.v1.ReadIndex" } };
  }
}

function encodeAppend(
  message: AppendEntries,
  count: number,
): Extract<WireRequest["body"], { case: "appendEntries" }>["value"] {
  const entries: WireEntry[] = [];
  for (let i = 0; i < count; i += 1) {
    const entry = message.entries[i];
    if (entry !== undefined) entries.push(encodeEntry(entry, message.term));
  }
  return {
    $typeName: "eraft.peer.v1.AppendEntries",
    prevLogIndex: BigInt(message.prevLogIndex),
    prevLogTerm: BigInt(message.prevLogTerm),
    // Of a message that was cut, the follower verifies only what it gets.
    leaderCommit: BigInt(Math.min(message.leaderCommit, message.prevLogIndex + entries.length)),
    entries,
  };
}

function encodeEntry({ term, command, configuration }: Entry, requestTerm: number): WireEntry {
  const wire: WireEntry = {
    $typeName: "eraft.peer.v1.Entry",
    term: term === requestTerm ? 0n : BigInt(term),
    command,
  };
  if (configuration !== undefined) wire.configuration = encodeConfiguration(configuration);
  return wire;
}
