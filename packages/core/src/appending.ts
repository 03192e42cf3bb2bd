import { invariant } from "./assert.ts";
import type { AppendEntries, AppendEntriesResponse } from "./messages.ts";
import type { Server } from "./server.ts";
import type { Entry, LogIndex } from "./types.ts";

/** Answers an AppendEntries of the leader of this server's term (dissertation, Figure 3.1, AppendEntries, receiver implementation). */
export function answerAppendEntries(server: Server, request: AppendEntries): void {
  const conflict = findConflict(server, request);
  if (conflict !== null) {
    respond(server, request, { success: false, matchIndex: 0, ...conflict });
    return;
  }
  for (const entry of request.entries) merge(server, entry);
  const matchIndex = request.prevLogIndex + request.entries.length;
  // Not `min(leaderCommit, own last index)`: what lies beyond this message's entries has not been compared with the leader's log,
  // and may be left over from a leader that lost.
  server.commitUpTo(Math.min(request.leaderCommit, matchIndex));
  respond(server, request, { success: true, matchIndex, conflictIndex: 0, conflictTerm: 0 });
}

/** The consistency check (3.5): null if this log agrees with the leader's at prevLogIndex, else where the leader should look next. */
function findConflict(
  { log, commitIndex }: Server,
  { prevLogIndex, prevLogTerm }: AppendEntries,
): { conflictIndex: LogIndex; conflictTerm: number } | null {
  if (prevLogIndex > log.lastIndex) return { conflictIndex: log.lastIndex + 1, conflictTerm: -1 };
  // What is compacted was committed, so it equals the leader's whatever term that entry had (Leader Completeness, 3.6.3).
  // Answering "conflict" would make the leader resend for ever, or worse, make this server drop its log.
  if (prevLogIndex < log.baseIndex) return null;
  const term = log.knownTermAt(prevLogIndex);
  if (term === prevLogTerm) return null;
  invariant(
    prevLogIndex > commitIndex,
    `the leader's entry ${prevLogIndex} has term ${prevLogTerm}, the committed one here has term ${term}`,
  );
  return { conflictIndex: log.firstIndexOfTermAt(prevLogIndex), conflictTerm: term };
}

/** Rules 3 and 4: only a real conflict truncates. An old, shorter request delivered late must not shorten the log. */
function merge({ log, commitIndex }: Server, entry: Entry): void {
  if (entry.index <= log.baseIndex) return;
  const term = log.termAt(entry.index);
  if (term === entry.term) return;
  if (term !== undefined) {
    invariant(
      entry.index > commitIndex,
      `the leader's entry ${entry.index} has term ${entry.term}, the committed one here has term ${term}`,
    );
    log.truncate(entry.index);
  }
  log.append(entry);
}

type Answer = Pick<AppendEntriesResponse, "success" | "matchIndex" | "conflictIndex" | "conflictTerm">;

function respond(server: Server, request: AppendEntries, answer: Answer): void {
  server.sendWhenDurable({
    type: "appendEntriesResponse",
    from: server.id,
    to: request.from,
    term: server.term,
    sequence: request.sequence,
    ...answer,
  });
}
