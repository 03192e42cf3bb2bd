import type {
  Alert,
  LogIndex,
  Member,
  Outcome,
  PeerState,
  RaftState,
  RoleName,
  SnapshotMeta,
} from "@eraft/core";
import type { Disk } from "../../harness/disk.ts";
import type { Node } from "../../harness/node.ts";
import { named, printEntry, printMembers } from "./entries.ts";

/** What a server knows, in one line; what is not on its disk yet has a star. */
export function printServer(node: Node): string {
  const { disk } = node;
  if (!node.isUp)
    return columns(node.id, "down", hardState(disk.hardState), ...printDisk(disk, disk.lastIndex));
  const { state } = node;
  const isSaved =
    state.term === state.stableHardState.term && state.votedFor === state.stableHardState.votedFor;
  return columns(
    node.id,
    printRole(state),
    `${hardState(state)}${isSaved ? "" : "*"}`,
    ...printLog(state, disk),
    `commit ${state.commitIndex}`,
    ["applied", `${state.lastApplied}:`, ...named(node.applied)].join(" ").replace(/:$/, ""),
  );
}

/** What a leader knows of its followers. */
export function printFollowers({ peers }: RaftState): string[] {
  return Array.from(peers, ([id, peer]) => columns(id, peer.state, printProgress(peer)));
}

/** The members that a server goes by, with where they are. */
export function printMembersOf({ configuration }: RaftState): string[] {
  return configuration.configuration.members.map(printMember);
}

function printMember({ id, standing, address, incarnation }: Member): string {
  const rest = [
    address === "" ? "address not known" : `at ${address}`,
    incarnation === null ? "" : `disk ${incarnation}`,
  ];
  return columns(id, standing, ...rest.filter((part) => part !== ""));
}

export function printDisk(disk: Disk, upTo: LogIndex): string[] {
  const entries = disk.entries.filter(({ index }) => index <= upTo).map(printEntry);
  const { meta } = disk.snapshot ?? {};
  const snapshot = meta === undefined ? [] : [printSnapshot(meta)];
  return [...snapshot, ["log", ...entries].join(" ")];
}

export function printOutcome(name: string, outcome: Outcome): string {
  switch (outcome.type) {
    case "committed":
    case "readable":
      return `${name}: ${outcome.type} at ${outcome.index}`;
    case "busy":
    case "transferring":
    case "changePending":
    case "transferred":
      return `${name}: ${outcome.type}`;
    case "refused":
    case "transferFailed":
      return `${name}: ${outcome.type}, ${outcome.reason}`;
    case "changed":
      return `${name}: changed at ${outcome.index} to ${printMembers(outcome.configuration)}`;
    case "notLeader":
    case "unknown":
      return `${name}: ${outcome.type}, leader ${outcome.leaderId ?? "not known"}`;
  }
}

export function printAlert(alert: Alert): string {
  switch (alert.type) {
    case "refused":
      return `alert: refused ${alert.refusal.to}, ${alert.refusal.reason}`;
    case "followerLostLog":
      return `alert: follower ${alert.peer} lost its log after ${alert.remaining}, having confirmed ${alert.confirmed}`;
  }
}

const ROLE_WIDTH = "follower of 0".length;

function printRole({ role, leaderId }: RaftState): string {
  const names: Record<RoleName, string> = {
    follower: "follower",
    preCandidate: "pre-candidate",
    candidate: "candidate",
    leader: "leader",
  };
  return role === "follower" && leaderId !== null ? `${names[role]} of ${leaderId}` : names[role];
}

function hardState({ term, votedFor }: Pick<RaftState, "term" | "votedFor">): string {
  return `term ${term} vote ${votedFor ?? "-"}`;
}

function printLog({ snapshot, stableIndex, lastLogIndex }: RaftState, disk: Disk): string[] {
  const isInstalling = snapshot.lastIncludedIndex > disk.snapshotIndex;
  const { lastIncludedIndex } = snapshot;
  const words = isInstalling ? [`${printSnapshot(snapshot)}*`, "log"] : printDisk(disk, stableIndex);
  const unsaved = lastLogIndex - Math.max(isInstalling ? lastIncludedIndex : stableIndex, disk.snapshotIndex);
  if (unsaved > 0) words.push(`${words.pop() ?? ""} +${unsaved}*`);
  return words;
}

function printSnapshot({ lastIncludedIndex, lastIncludedTerm, configuration }: SnapshotMeta): string {
  const position = `snapshot ${lastIncludedIndex}/${lastIncludedTerm}`;
  return configuration === undefined ? position : `${position} ${printMembers(configuration)}`;
}

function printProgress({ nextIndex, matchIndex }: PeerState): string {
  return `nextIndex ${nextIndex} matchIndex ${matchIndex}`;
}

function columns(id: number, role: string, ...rest: readonly string[]): string {
  return `${id} ${role.padEnd(ROLE_WIDTH)}  ${rest.join("  ")}`;
}
