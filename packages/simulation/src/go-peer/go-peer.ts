import type { LogIndex, NodeId, Term } from "@eraft/core";
import { handleVote, startElection } from "./election.ts";
import {
  answerAppendEntries,
  answerInstallSnapshot,
  answerRequestVote,
  condInstallSnapshot,
} from "./follower.ts";
import { broadcastHeartbeat, handleAppend, handleInstall, propose, runReplicator } from "./leader.ts";
import { GoPanic } from "./panic.ts";
import type { GoDisk } from "./persistence.ts";
import { GoServer } from "./server.ts";
import type {
  GoAppendEntries,
  GoAppendEntriesReply,
  GoCall,
  GoEntry,
  GoInstallSnapshot,
  GoInstallSnapshotReply,
  GoPeerState,
  GoRequestVote,
  GoRequestVoteReply,
  GoRole,
} from "./types.ts";

export interface GoPeerOptions {
  /** Position in the address list, from 0. */
  readonly id: NodeId;
  /** Nodes in the cluster: ids 0 to size - 1. */
  readonly size: number;
  /** Survives the process; an empty one makes a new node. */
  readonly disk: GoDisk;
  /** Of the election timeouts. */
  readonly seed: number;
  readonly nowMs?: number;
  /** Puts the process into the middle of its life. */
  readonly volatile?: GoVolatileState;
}

/** What a Go node knows beyond its state file. */
export interface GoVolatileState {
  readonly role: GoRole;
  readonly commitIndex: LogIndex;
  readonly nextIndex?: readonly LogIndex[];
  readonly matchIndex?: readonly LogIndex[];
}

/** A reply to a GoCall, of the call's RPC. */
export type GoReply = GoRequestVoteReply | GoAppendEntriesReply | GoInstallSnapshotReply;

/**
 * One process of the existing Go system, bug for bug, as a pure state machine on virtual time: the partner of our servers in simulated mixed
 * clusters. Bug ids (S1, L15, ...) in this folder are those of its bug list.
 *
 * Any method throws GoPanic where the Go process would die; from then on every call throws it. A new GoPeer on the same disk is the restart.
 */
export class GoPeer {
  readonly #server: GoServer;
  #dead: GoPanic | null = null;

  /** Throws GoPanic if the state file is torn. */
  constructor({ id, size, disk, seed, nowMs = 0, volatile }: GoPeerOptions) {
    this.#server = new GoServer(id, size, disk, seed, nowMs);
    if (volatile === undefined) return;
    this.#server.become(volatile.role);
    this.#server.commitIndex = volatile.commitIndex;
    if (volatile.nextIndex !== undefined) this.#server.nextIndex = [...volatile.nextIndex];
    if (volatile.matchIndex !== undefined) this.#server.matchIndex = [...volatile.matchIndex];
  }

  // --- RPC handlers

  requestVote(request: GoRequestVote): GoRequestVoteReply {
    return this.#run((server) => answerRequestVote(server, request));
  }

  appendEntries(request: GoAppendEntries): GoAppendEntriesReply {
    return this.#run((server) => answerAppendEntries(server, request));
  }

  installSnapshot(request: GoInstallSnapshot): GoInstallSnapshotReply {
    return this.#run((server) => answerInstallSnapshot(server, request));
  }

  // --- replies to own calls

  replied(call: GoCall, reply: GoReply): void {
    this.#run((server) => {
      if (call.rpc === "requestVote" && "voteGranted" in reply) handleVote(server, call.request, reply);
      else if (call.rpc === "appendEntries" && "success" in reply)
        handleAppend(server, call.to, call.request, reply);
      else if (call.rpc === "installSnapshot") handleInstall(server, call.to, call.request, reply);
      this.#callEnded(call);
    });
  }

  /** The call ended in an error or ran into its deadline. */
  failed(call: GoCall): void {
    this.#run(() => this.#callEnded(call));
  }

  #callEnded({ caller, to }: GoCall): void {
    if (caller !== "replicator") return;
    this.#server.replicating.delete(to);
    runReplicator(this.#server, to);
  }

  // --- the service above

  /** Appends a command if this node leads; null if not. */
  propose(command: Uint8Array): { readonly index: LogIndex; readonly term: Term } | null {
    return this.#run((server) => propose(server, command));
  }

  /** The service took a snapshot that reflects everything up to `index`. */
  snapshot(index: LogIndex, data: Uint8Array): void {
    this.#run((server) => {
      if (index <= server.log.firstIndex) return;
      server.log.compact(index);
      server.persistWithSnapshot(data);
    });
  }

  condInstallSnapshot(lastIncludedTerm: Term, lastIncludedIndex: LogIndex, data: Uint8Array): boolean {
    return this.#run((server) => condInstallSnapshot(server, lastIncludedTerm, lastIncludedIndex, data));
  }

  /** The committed entries that the service has not seen; it has, after this. */
  takeCommitted(): GoEntry[] {
    return this.#run((server) => {
      const { lastApplied, commitIndex } = server;
      if (lastApplied >= commitIndex) return [];
      server.lastApplied = commitIndex;
      return server.log.range(lastApplied + 1, commitIndex);
    });
  }

  /** The snapshots acknowledged since the last call, for the service to offer to `condInstallSnapshot`. */
  takeSnapshots(): GoInstallSnapshot[] {
    return this.#run((server) => server.snapshots.splice(0));
  }

  /** The RPCs to be made. */
  takeCalls(): GoCall[] {
    return this.#run((server) => server.calls.splice(0));
  }

  // --- time

  /** Moves the clock to `nowMs` and fires the timers that are due, in their order. */
  advanceTo(nowMs: number): void {
    this.#run((server) => {
      for (let dueMs = this.nextTimerMs; dueMs !== null && dueMs <= nowMs; dueMs = this.nextTimerMs) {
        server.nowMs = Math.max(server.nowMs, dueMs);
        if (dueMs === server.heartbeatTimerMs) this.heartbeatTimerFired();
        else this.electionTimerFired();
      }
      server.nowMs = Math.max(server.nowMs, nowMs);
    });
  }

  /** When the next timer fires; null if none runs. */
  get nextTimerMs(): number | null {
    const { electionTimerMs, heartbeatTimerMs } = this.#server;
    if (electionTimerMs === null || heartbeatTimerMs === null) return electionTimerMs ?? heartbeatTimerMs;
    return Math.min(electionTimerMs, heartbeatTimerMs);
  }

  electionTimerFired(): void {
    this.#run(startElection);
  }

  heartbeatTimerFired(): void {
    this.#run((server) => {
      server.heartbeatTimerMs = null;
      if (server.role !== "Leader") return;
      server.restartHeartbeatTimer();
      broadcastHeartbeat(server);
    });
  }

  inspect(): GoPeerState {
    const { role, term, votedFor, commitIndex, lastApplied, log, nextIndex, matchIndex } = this.#server;
    return {
      role,
      term,
      votedFor,
      commitIndex,
      lastApplied,
      log: log.toArray(),
      nextIndex: [...nextIndex],
      matchIndex: [...matchIndex],
    };
  }

  #run<T>(body: (server: GoServer) => T): T {
    if (this.#dead !== null) throw this.#dead;
    try {
      return body(this.#server);
    } catch (error) {
      if (error instanceof GoPanic) this.#dead = error;
      throw error;
    }
  }
}
