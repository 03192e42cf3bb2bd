import type { LogIndex, NodeId, Term } from "@eraft/core";
import { GoLog } from "./log.ts";
import type { GoDisk } from "./persistence.ts";
import { Random } from "../random.ts";
import { type GoCall, type GoInstallSnapshot, type GoRole, NOBODY } from "./types.ts";

export const HEARTBEAT_MS = 125;
export const ELECTION_TIMEOUT_MS_MIN = 1000;
export const ELECTION_TIMEOUT_MS_MAX = 2000;

/** The largest int64; a double cannot tell it from its neighbours, which does no harm here. */
const INT64_MAX = 2 ** 63;

/** `term + 1` in 64 bits: past the largest one it is negative, and no node ever follows it (L14). */
export function nextTerm(term: Term): Term {
  return term >= INT64_MAX ? -INT64_MAX : term + 1;
}

/** The fields of a Go node, and what several of its functions do to them. */
export class GoServer {
  readonly id: NodeId;
  readonly size: number;
  readonly disk: GoDisk;
  role: GoRole = "Follower";
  term: Term = 0;
  votedFor: NodeId = NOBODY;
  log: GoLog = new GoLog();
  commitIndex: LogIndex = 0;
  lastApplied: LogIndex = 0;
  nextIndex: LogIndex[] = [];
  matchIndex: LogIndex[] = [];
  grantedVotes = 0;
  /** Peers whose replicator has a call open. */
  readonly replicating: Set<NodeId> = new Set();
  /** Snapshots acknowledged and not yet installed: one parked goroutine with all the data for each (L7). */
  snapshots: GoInstallSnapshot[] = [];
  calls: GoCall[] = [];
  nowMs: number;
  electionTimerMs: number | null = null;
  heartbeatTimerMs: number | null = null;
  readonly #random: Random;

  constructor(id: NodeId, size: number, disk: GoDisk, seed: number, nowMs: number) {
    this.id = id;
    this.size = size;
    this.disk = disk;
    this.nowMs = nowMs;
    this.#random = new Random(seed, "election timeouts");
    const persisted = disk.readState();
    if (persisted !== null) {
      this.term = persisted.term;
      this.votedFor = persisted.votedFor;
      this.log = new GoLog(persisted.log);
      this.commitIndex = this.log.firstIndex;
      this.lastApplied = this.log.firstIndex;
    }
    this.resetProgress();
    this.restartElectionTimer();
  }

  get peers(): NodeId[] {
    return Array.from({ length: this.size }, (_, peer) => peer).filter((peer) => peer !== this.id);
  }

  become(role: GoRole): void {
    if (this.role === role) return;
    this.role = role;
    if (role === "Follower") {
      this.heartbeatTimerMs = null;
      this.restartElectionTimer();
    } else if (role === "Leader") {
      this.resetProgress();
      this.electionTimerMs = null;
      this.restartHeartbeatTimer();
    }
  }

  /** Follower in a higher term that a reply told of. */
  stepDown(term: Term): void {
    this.become("Follower");
    this.term = term;
    this.votedFor = NOBODY;
    this.persist();
  }

  restartElectionTimer(): void {
    this.electionTimerMs =
      this.nowMs + this.#random.between(ELECTION_TIMEOUT_MS_MIN, ELECTION_TIMEOUT_MS_MAX);
  }

  restartHeartbeatTimer(): void {
    this.heartbeatTimerMs = this.nowMs + HEARTBEAT_MS;
  }

  resetProgress(): void {
    // The own match index too: it is only set again by the next command (L10).
    this.matchIndex = Array.from({ length: this.size }, () => 0);
    this.nextIndex = Array.from({ length: this.size }, () => this.log.lastIndex + 1);
  }

  persist(): void {
    this.disk.saveState(this.#persistedState());
  }

  persistWithSnapshot(snapshot: Uint8Array): void {
    this.disk.saveStateAndSnapshot(this.#persistedState(), snapshot);
  }

  #persistedState(): { term: Term; votedFor: NodeId; log: ReturnType<GoLog["toArray"]> } {
    return { term: this.term, votedFor: this.votedFor, log: this.log.toArray() };
  }
}
