import type { Message } from "@eraft/core";
import { RaftNode, type RaftNodeOptions } from "@eraft/runtime";
import { silent } from "./cluster.ts";
import { FaultyStorage } from "./faulty-storage.ts";
import { Journal } from "./journal.ts";
import { ManualClock, settle } from "./manual-clock.ts";
import { ScriptedTransport } from "./scripted-transport.ts";

export interface ScriptedLeader {
  readonly node: RaftNode<Uint8Array, string, string>;
  readonly clock: ManualClock;
  readonly transport: ScriptedTransport;
  readonly storage: FaultyStorage;
  readonly journal: Journal;
  /** Of servers 1 and 2, those that are named, or both, answer all that was sent to them since the last time, as good followers. */
  answer(...ids: number[]): Promise<void>;
}

/** Server 0 of three, which servers 1 and 2, played by the test, have elected. Its first entry is committed. */
export async function startLeader(
  tuning: Partial<RaftNodeOptions<Uint8Array, string, string>> = {},
): Promise<ScriptedLeader> {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  const storage = new FaultyStorage();
  const journal = new Journal();
  const peers = new Map([0, 1, 2].map((id) => [id, `host-${id}:1`]));
  const parts = { id: 0, peers, storage, transport, stateMachine: journal, clock, seed: 7, logger: silent };
  const node = new RaftNode<Uint8Array, string, string>({ ...parts, transferOnStop: false, ...tuning });
  await node.start();
  let answered = 0;
  const answer = async (...ids: number[]): Promise<void> => {
    await settle();
    for (; answered < transport.sent.length; answered += 1) {
      const sent = transport.sent[answered];
      const isMeant = sent && (ids.length === 0 || ids.includes(sent.to));
      const response = isMeant ? responseTo(sent) : null;
      if (response) transport.deliver(response);
    }
    await settle();
  };
  for (let ticks = 0; ticks < 200 && node.status().role !== "leader"; ticks += 1) {
    clock.advance(25);
    await answer();
  }
  await answer();
  await answer();
  return { node, clock, transport, storage, journal, answer };
}

function responseTo(message: Message): Message | null {
  const { from, to, term, sequence } = message;
  const envelope = { from: to, to: from, term, sequence };
  if (message.type === "preVote") return { type: "preVoteResponse", ...envelope, voteGranted: true };
  if (message.type === "requestVote") return { type: "requestVoteResponse", ...envelope, voteGranted: true };
  if (message.type !== "appendEntries") return null;
  const matchIndex = message.prevLogIndex + message.entries.length;
  const agreed = { success: true, matchIndex, conflictIndex: 0, conflictTerm: 0 };
  return { type: "appendEntriesResponse", ...envelope, ...agreed };
}
