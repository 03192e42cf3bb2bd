import type { KvraftClient } from "@eraft/kv";
import type { GetStatusResponse } from "@eraft/proto/kvraftpb";
import { eventually } from "./eventually.ts";

/** What one node says of itself. */
export interface NodeView {
  readonly id: number;
  readonly address: string;
  readonly isLeader: boolean;
  readonly term: number;
  readonly commitIndex: number;
  readonly lastApplied: number;
}

/** The nodes that answer, as a client sees them: on its open connections, and so many times cheaper than the command line. */
export async function viewOf(client: KvraftClient): Promise<readonly NodeView[]> {
  const reports = await client.status();
  return reports.flatMap((report) => ("status" in report ? [toView(report.address, report.status)] : []));
}

function toView(address: string, status: GetStatusResponse): NodeView {
  return {
    id: Number(status.id),
    address,
    isLeader: status.state === "Leader",
    term: Number(status.term),
    commitIndex: Number(status.commitIndex),
    lastApplied: Number(status.lastApplied),
  };
}

/** Waits until a node leads; of two that think so, it is the one with the higher term. */
export async function leaderOf(client: KvraftClient): Promise<NodeView> {
  return eventually(async () => {
    const leaders = (await viewOf(client)).filter(({ isLeader }) => isLeader);
    const [leader] = leaders.toSorted((a, b) => b.term - a.term);
    if (leader === undefined) throw new Error("no leader");
    return leader;
  });
}

/** What is wrong if nobody was to stand for election in between; nothing, if nobody did. */
export function electionProblems(before: NodeView, after: NodeView): readonly string[] {
  if (before.term === after.term) return [];
  return [`node ${before.id} led in term ${before.term}, and then node ${after.id} in term ${after.term}`];
}

/** Resolves once the node at `address` has applied all that was committed anywhere when this was called. */
export async function caughtUp(client: KvraftClient, address: string): Promise<void> {
  const target = await eventually(async () => {
    const views = await viewOf(client);
    if (views.length === 0) throw new Error("no node answers");
    return Math.max(...views.map(({ commitIndex }) => commitIndex));
  });
  await eventually(async () => {
    const view = (await viewOf(client)).find((view) => view.address === address);
    const applied = view?.lastApplied ?? -1;
    if (applied < target) throw new Error(`the node at ${address} has applied ${applied} of ${target}`);
  });
}
