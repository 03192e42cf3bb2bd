import type { LogIndex, NodeId, Term } from "@eraft/core";
import type { GoServer } from "./server.ts";
import type {
  GoAppendEntries,
  GoAppendEntriesReply,
  GoCaller,
  GoInstallSnapshot,
  GoInstallSnapshotReply,
} from "./types.ts";

/** Takes a command if this node believes that it leads, which it does for as long as nobody contradicts (L11). */
export function propose(server: GoServer, command: Uint8Array): { index: LogIndex; term: Term } | null {
  if (server.role !== "Leader") return null;
  const { term } = server;
  const index = server.log.lastIndex + 1;
  server.log.append({ index, term, command });
  server.matchIndex[server.id] = index;
  server.nextIndex[server.id] = index + 1;
  server.persist();
  for (const peer of server.peers) runReplicator(server, peer);
  return { index, term };
}

/** There are no empty heartbeats: one more round of replication is sent beside those under way. */
export function broadcastHeartbeat(server: GoServer): void {
  for (const peer of server.peers) replicate(server, peer, "heartbeat");
}

/** What a replicator does between two calls: begin the next one if its peer lacks entries, at once and for ever (L3). */
export function runReplicator(server: GoServer, peer: NodeId): void {
  if (server.replicating.has(peer)) return;
  if (server.role !== "Leader" || match(server, peer) >= server.log.lastIndex) return;
  server.replicating.add(peer);
  replicate(server, peer, "replicator");
}

function replicate(server: GoServer, to: NodeId, caller: GoCaller): void {
  const { log, term, id } = server;
  const prevLogIndex = (server.nextIndex[to] ?? 0) - 1;
  if (prevLogIndex < log.firstIndex) {
    const request: GoInstallSnapshot = {
      term,
      leaderId: id,
      lastIncludedIndex: log.firstIndex,
      lastIncludedTerm: log.termAt(log.firstIndex),
      // Whatever the second file holds, labelled with what the first one says (S2).
      data: server.disk.readSnapshot(),
    };
    server.calls.push({ rpc: "installSnapshot", to, caller, request });
    return;
  }
  const entries = log.from(prevLogIndex + 1);
  const request: GoAppendEntries = {
    term,
    leaderId: id,
    prevLogIndex,
    prevLogTerm: log.termAt(prevLogIndex),
    leaderCommit: server.commitIndex,
    entries,
  };
  server.calls.push({ rpc: "appendEntries", to, caller, request });
}

/** A success counts whatever term the reply names (S9), and even if an older reply lowers the match index (L9). */
export function handleAppend(
  server: GoServer,
  peer: NodeId,
  request: GoAppendEntries,
  reply: GoAppendEntriesReply,
): void {
  if (server.role !== "Leader" || server.term !== request.term) return;
  if (reply.success) {
    const matched = request.prevLogIndex + request.entries.length;
    server.matchIndex[peer] = matched;
    server.nextIndex[peer] = matched + 1;
    advanceCommit(server);
  } else if (reply.term > server.term) {
    server.stepDown(reply.term);
  } else if (reply.term === server.term) {
    server.nextIndex[peer] = nextIndexFor(server, request, reply);
  }
  // A reply of a lower term, as from a follower whose snapshot lies beyond prevLogIndex, changes nothing (L2).
}

/** Where the follower says, unclamped (L8, L15), unless an own entry up to prevLogIndex has the term it names. */
function nextIndexFor(
  { log }: GoServer,
  { prevLogIndex }: GoAppendEntries,
  { conflictIndex, conflictTerm }: GoAppendEntriesReply,
): LogIndex {
  if (conflictTerm === -1) return conflictIndex;
  for (let index = prevLogIndex; index >= log.firstIndex; index -= 1) {
    if (log.termAt(index) === conflictTerm) return index + 1;
  }
  return conflictIndex;
}

/** An acknowledged snapshot is taken for an installed one (L7). */
export function handleInstall(
  server: GoServer,
  peer: NodeId,
  request: GoInstallSnapshot,
  reply: GoInstallSnapshotReply,
): void {
  if (server.role !== "Leader" || server.term !== request.term) return;
  if (reply.term > server.term) {
    server.stepDown(reply.term);
    return;
  }
  server.matchIndex[peer] = request.lastIncludedIndex;
  server.nextIndex[peer] = request.lastIncludedIndex + 1;
}

/** With an even number of nodes half of them are enough (S6): the list is sorted downwards, the position computed for upwards. */
function advanceCommit(server: GoServer): void {
  const { size, log, term } = server;
  const index = server.matchIndex.toSorted((a, b) => b - a)[size - (Math.floor(size / 2) + 1)] ?? 0;
  if (index > server.commitIndex && log.matches(term, index)) server.commitIndex = index;
}

function match(server: GoServer, peer: NodeId): LogIndex {
  return server.matchIndex[peer] ?? 0;
}
