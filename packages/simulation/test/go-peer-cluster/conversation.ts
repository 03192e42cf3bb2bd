import type { AppendEntriesResponse, Message } from "@eraft/core";
import { GoNode } from "../../src/go-peer/index.ts";
import { Machine } from "./machine.ts";
import type { BareCore } from "./pair.ts";

export const SUCCESS = { success: true, conflictIndex: 0, conflictTerm: 0 } as const;

export function goNode(id: number, size = 3): GoNode {
  const node = new GoNode({ id, size, seed: 1, service: new Machine() });
  node.start(0);
  return node;
}

/** A Go node that leads, by the vote of server 2, and what it has sent since. */
export function leadingNode(): GoNode {
  const node = goNode(1);
  node.advanceTo(node.nextEventMs ?? 0);
  for (const { message } of node.drain()) {
    if (message.to !== 2) continue;
    node.receive({ ...reversed(message), type: "requestVoteResponse", voteGranted: true });
  }
  return node;
}

export function reversed({ from, to, term, sequence }: Message): {
  from: number;
  to: number;
  term: number;
  sequence: number;
} {
  return { from: to, to: from, term, sequence };
}

export function conflictFrom(sent: Message | undefined, conflict: Partial<AppendEntriesResponse>): Message {
  if (sent?.type !== "appendEntries") throw new Error("no AppendEntries to answer");
  const none = { success: false, matchIndex: 0, conflictIndex: 0, conflictTerm: 0 };
  return { type: "appendEntriesResponse", ...reversed(sent), ...none, ...conflict };
}

/** The last AppendEntries to server 1 since the last look. */
export function appendTo1(core: BareCore): Message | undefined {
  return core.take().findLast(({ to, type }) => to === 1 && type === "appendEntries");
}
