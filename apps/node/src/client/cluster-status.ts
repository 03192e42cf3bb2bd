import { createClient } from "@connectrpc/connect";
import type { Member, Standing } from "@eraft/core";
import { AdminService, type GetNodeStatusResponse } from "@eraft/proto/eraft/admin/v1";
import { reasonOf } from "../errors.ts";
import type { Connections } from "./with-client.ts";

/** What `status` shows of one node. */
export type NodeRow = OnlineNode | OfflineNode;

export interface OnlineNode {
  readonly online: true;
  readonly id: number;
  readonly address: string;
  /** Its part in the cluster: "none" of a node that is no member, null where nobody could tell. */
  readonly standing: Standing | "none" | null;
  /** Follower, Candidate or Leader. */
  readonly state: string;
  readonly term: number;
  readonly lastApplied: number;
  readonly commitIndex: number;
  readonly storageSizeBytes: number;
  /** What it tells operators of the other nodes; null from a node without an AdminService, such as a Go node. */
  readonly peers: readonly PeerRow[] | null;
}

export interface OfflineNode {
  readonly online: false;
  /** That of the member that is at this address; of none, its position in the list of addresses. */
  readonly id: number;
  readonly address: string;
  readonly standing: Standing | "none" | null;
  readonly reason: string;
}

export interface PeerRow {
  readonly id: number;
  readonly address: string;
  /** How a leader sends to it: probe, replicate or snapshot; null from any other node, like the two indexes. */
  readonly state: string | null;
  readonly nextIndex: number | null;
  readonly matchIndex: number | null;
  /** Milliseconds; null if it has not answered. */
  readonly lastContactMs: number | null;
  readonly lastError: string | null;
}

/** For the question that a node without an AdminService answers at once. */
const ADMIN_TIMEOUT_MS = 1000;

/**
 * Asks every node, in the order of the client's addresses. A node that does not answer is part of the result. `members`: those of the cluster, as far as
 * anybody could tell.
 */
export async function clusterStatus(
  { client, connect }: Connections,
  members: readonly Member[] | null = null,
): Promise<readonly NodeRow[]> {
  const reports = await client.status();
  const standingOf = (member: Member | undefined): NodeRow["standing"] =>
    members === null ? null : (member?.standing ?? "none");
  return Promise.all(
    reports.map(async (report, position): Promise<NodeRow> => {
      const { address } = report;
      if ("error" in report) {
        const member = members?.find((member) => member.address === address);
        const id = member?.id ?? position;
        return { online: false, id, address, standing: standingOf(member), reason: reasonOf(report.error) };
      }
      const { status } = report;
      const id = Number(status.id);
      return {
        online: true,
        id,
        address,
        standing: standingOf(members?.find((member) => member.id === id)),
        state: status.state,
        term: Number(status.term),
        lastApplied: Number(status.lastApplied),
        commitIndex: Number(status.commitIndex),
        storageSizeBytes: Number(status.storageSize),
        peers: await peersOf(address, connect),
      };
    }),
  );
}

/** The node that leads; of two that think so, the one with the higher term. */
export function leaderOf(rows: readonly NodeRow[]): OnlineNode | null {
  const leaders = rows.filter((row): row is OnlineNode => row.online && row.state === "Leader");
  return leaders.toSorted((a, b) => b.term - a.term)[0] ?? null;
}

async function peersOf(address: string, connect: Connections["connect"]): Promise<readonly PeerRow[] | null> {
  try {
    const admin = createClient(AdminService, connect(address));
    return peerRows(await admin.getNodeStatus({}, { timeoutMs: ADMIN_TIMEOUT_MS }));
  } catch {
    // UNIMPLEMENTED from a Go node. Anything else is a node that answered a moment ago and is going down: what it said still holds.
    return null;
  }
}

function peerRows({ peers, role }: GetNodeStatusResponse): readonly PeerRow[] {
  const known = <T>(value: T): T | null => (role === "leader" ? value : null);
  return peers.map((peer) => ({
    id: Number(peer.id),
    address: peer.address,
    state: known(peer.state),
    nextIndex: known(Number(peer.nextIndex)),
    matchIndex: known(Number(peer.matchIndex)),
    lastContactMs: peer.lastContactMs < 0n ? null : Number(peer.lastContactMs),
    lastError: peer.lastError === "" ? null : peer.lastError,
  }));
}
