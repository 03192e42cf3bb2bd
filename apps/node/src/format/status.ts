import { type NodeRow, type OnlineNode, type PeerRow, leaderOf } from "../client/cluster-status.ts";
import { formatBytes } from "./bytes.ts";
import { type Column, formatTable } from "./table.ts";

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

const NODE_COLUMNS = [
  right("ID"),
  left("ADDRESS"),
  left("STANDING"),
  left("STATE"),
  right("TERM"),
  right("COMMIT"),
  right("APPLIED"),
  right("STORAGE"),
];

const PEER_COLUMNS = [
  right("ID"),
  left("ADDRESS"),
  left("REPLICATION"),
  right("NEXT"),
  right("MATCH"),
  right("LAST CONTACT"),
  left("LAST ERROR"),
];

/** The nodes, and below them how far the leader has come with each of the others. */
export function formatStatus(rows: readonly NodeRow[]): string {
  const nodes = formatTable(NODE_COLUMNS, rows.map(nodeCells));
  const reasons = rows
    .map((row) => (row.online ? "" : `node ${row.id} is offline: ${row.reason}\n`))
    .join("");
  return [nodes, reasons, replication(leaderOf(rows))].filter((part) => part !== "").join("\n");
}

function nodeCells(row: NodeRow): readonly string[] {
  const { id, address } = row;
  const standing = row.standing ?? "-";
  if (!row.online) return [String(id), address, standing, "Offline", "-", "-", "-", "-"];
  const { state, term, commitIndex, lastApplied, storageSizeBytes } = row;
  const figures = [term, commitIndex, lastApplied].map(String);
  return [String(id), address, standing, state, ...figures, formatBytes(storageSizeBytes)];
}

function replication(leader: OnlineNode | null): string {
  if (leader === null) return "no leader\n";
  if (leader.peers === null || leader.peers.length === 0) return "";
  return `replication from node ${leader.id}, the leader:\n${formatTable(PEER_COLUMNS, leader.peers.map(peerCells))}`;
}

function peerCells(peer: PeerRow): readonly string[] {
  const { id, address, state, nextIndex, matchIndex, lastContactMs, lastError } = peer;
  const contact = lastContactMs === null ? "never" : `${lastContactMs} ms ago`;
  return [id, address, state ?? "-", nextIndex ?? "-", matchIndex ?? "-", contact, lastError ?? "-"].map(
    String,
  );
}

/** The fields of `kvraftpb.GetStatusResponse` by their names there, and `address`. */
export function statusJson(rows: readonly NodeRow[], options: { readonly peers: boolean }): string {
  const nodes = rows.map((row) => {
    const { id, address } = row;
    const standing = row.standing === null ? {} : { standing: row.standing === "none" ? null : row.standing };
    if (!row.online) return { id, address, ...standing, state: "Offline" };
    return {
      id,
      address,
      ...standing,
      state: row.state,
      term: row.term,
      last_applied: row.lastApplied,
      commit_index: row.commitIndex,
      storage_size: row.storageSizeBytes,
      ...(options.peers && row.peers !== null ? { peers: row.peers.map(peerJson) } : {}),
    };
  });
  return `${JSON.stringify(nodes, null, 2)}\n`;
}

function peerJson(peer: PeerRow): object {
  return {
    id: peer.id,
    address: peer.address,
    state: peer.state,
    next_index: peer.nextIndex,
    match_index: peer.matchIndex,
    last_contact_ms: peer.lastContactMs,
    last_error: peer.lastError,
  };
}
