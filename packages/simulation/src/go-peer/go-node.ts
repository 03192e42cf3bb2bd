import type { LogIndex, Message, NodeId, Request, Response } from "@eraft/core";
import { GoPeer } from "./go-peer.ts";
import { GoPanic } from "./panic.ts";
import { GoDisk, type GoDiskFault } from "./persistence.ts";
import type { GoCall, GoInstallSnapshot, GoPeerState } from "./types.ts";
import {
  appendResponse,
  installResponse,
  sizeBytes,
  toGoAppend,
  toGoInstall,
  toGoVote,
  toReply,
  toRequest,
  voteResponse,
} from "./wire.ts";

/** How long a Go client waits for an answer. */
const DEADLINE_MS: Record<GoCall["rpc"], number> = {
  requestVote: 100,
  appendEntries: 100,
  installSnapshot: 1000,
};

/** What a Go server accepts in one message. */
const MAX_RECEIVE_BYTES = 4 << 20;

/** A message, and the data that belong to it if it is an InstallSnapshot. */
export interface GoPacket {
  readonly message: Message;
  readonly snapshot: Uint8Array | null;
}

/** The state machine of a Go node. It keeps its state on a disk of its own and does not know how far that has got (S10). */
export interface GoService {
  apply(command: Uint8Array, index: LogIndex): void;
  restore(snapshot: Uint8Array): void;
}

export interface GoNodeOptions {
  readonly id: NodeId;
  /** Nodes in the cluster: ids 0 to size - 1. */
  readonly size: number;
  readonly seed: number;
  readonly service: GoService;
  /** Whether the service can decode a command. Where it cannot, the process dies, and again after each restart (L16). Default: not empty. */
  readonly validCommand?: (command: Uint8Array) => boolean;
  /** From the answer to an InstallSnapshot to the snapshot's installation. Default 10. */
  readonly installDelayMs?: number;
}

/**
 * A machine with a Go node on it, in a simulation that passes the core's messages around: `receive` and `advanceTo` go in, `drain` comes out.
 *
 * It makes unary calls: an answer counts once, before the call's deadline, and in the process that made the call. A panic ends the process;
 * the machine is then silent until `start`.
 */
export class GoNode {
  readonly id: NodeId;
  readonly disk: GoDisk = new GoDisk();
  readonly #options: Required<GoNodeOptions>;
  readonly #open = new Map<number, { readonly call: GoCall; readonly deadlineMs: number }>();
  #peer: GoPeer | null = null;
  #panic: GoPanic | null = null;
  #packets: GoPacket[] = [];
  #installs: { readonly atMs: number; readonly snapshot: GoInstallSnapshot }[] = [];
  #sequence = 0;
  #starts = 0;
  #nowMs = 0;

  constructor(options: GoNodeOptions) {
    this.#options = { validCommand: (command) => command.length > 0, installDelayMs: 10, ...options };
    this.id = options.id;
  }

  /** Starts a process on what the disk holds. It may die at once: see `panic`. */
  start(nowMs: number): void {
    const { id, size, seed, service } = this.#options;
    this.#nowMs = nowMs;
    this.#starts += 1;
    this.#panic = null;
    this.#surviving(() => {
      this.#peer = new GoPeer({ id, size, disk: this.disk, seed: seed * 1000 + this.#starts, nowMs });
      const snapshot = this.disk.readSnapshot();
      if (snapshot.length > 0) service.restore(snapshot);
    });
  }

  /** Kills the process, possibly in the middle of writing. */
  crash(fault: GoDiskFault = "none"): void {
    this.#stop();
    this.disk.crash(fault);
  }

  get isRunning(): boolean {
    return this.#peer !== null;
  }

  /** Why the process died by itself; null if it did not. */
  get panic(): GoPanic | null {
    return this.#panic;
  }

  /** Null while no process runs. */
  inspect(): GoPeerState | null {
    return this.#peer?.inspect() ?? null;
  }

  /** Gives a command to the node; false if it does not believe to lead. */
  propose(command: Uint8Array): boolean {
    return this.#run((peer) => peer.propose(command) !== null) ?? false;
  }

  /** The service compacts the log up to `index`, which it has applied. */
  compact(index: number, snapshot: Uint8Array): void {
    this.#run((peer) => peer.snapshot(index, snapshot));
  }

  receive(message: Message, snapshot: Uint8Array | null = null): void {
    if (message.to !== this.id) return;
    switch (message.type) {
      case "requestVote":
      case "appendEntries":
      case "installSnapshot":
        if (sizeBytes(message, snapshot) <= MAX_RECEIVE_BYTES) this.#answer(message, snapshot);
        return;
      case "requestVoteResponse":
      case "appendEntriesResponse":
      case "installSnapshotResponse":
      case "refusal":
        return this.#replied(message);
      // What a Go node does not know, the transport at the other end answers for it: see interop rule 20.
      case "preVote":
        return this.#unimplemented({ ...reversed(message), type: "preVoteResponse", voteGranted: true });
      case "readIndex":
        return this.#unimplemented({ ...reversed(message), type: "readIndexResponse", readIndex: -1 });
      case "preVoteResponse":
      case "readIndexResponse":
      case "timeoutNow":
    }
  }

  /** When something happens next by itself; null if never. */
  get nextEventMs(): number | null {
    if (this.#peer === null) return null;
    let next = this.#peer.nextTimerMs ?? Number.POSITIVE_INFINITY;
    for (const { deadlineMs } of this.#open.values()) next = Math.min(next, deadlineMs);
    for (const { atMs } of this.#installs) next = Math.min(next, atMs);
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  /** Lets everything happen that is due up to `nowMs`, in its order. */
  advanceTo(nowMs: number): void {
    for (let atMs = this.nextEventMs; atMs !== null && atMs <= nowMs; atMs = this.nextEventMs) {
      this.#happen(Math.max(atMs, this.#nowMs));
    }
    if (nowMs > this.#nowMs) this.#happen(nowMs);
  }

  /** What there is to send. */
  drain(): GoPacket[] {
    return this.#packets.splice(0);
  }

  #happen(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#run((peer) => {
      peer.advanceTo(nowMs);
      for (const [sequence, { call, deadlineMs }] of this.#open) {
        if (deadlineMs > nowMs) continue;
        this.#open.delete(sequence);
        peer.failed(call);
      }
      const due = this.#installs.filter(({ atMs }) => atMs <= nowMs);
      this.#installs = this.#installs.filter(({ atMs }) => atMs > nowMs);
      for (const { snapshot } of due) this.#install(peer, snapshot);
    });
  }

  #install(peer: GoPeer, { lastIncludedTerm, lastIncludedIndex, data }: GoInstallSnapshot): void {
    // The log is trimmed before anybody looks at the data (S12).
    if (peer.condInstallSnapshot(lastIncludedTerm, lastIncludedIndex, data))
      this.#options.service.restore(data);
  }

  #answer(request: Request, snapshot: Uint8Array | null): void {
    this.#run((peer) => {
      const message = answerOf(peer, request, snapshot ?? new Uint8Array(0));
      this.#packets.push({ message, snapshot: null });
    });
  }

  #unimplemented(answer: Message): void {
    this.#run(() => this.#packets.push({ message: answer, snapshot: null }));
  }

  #replied(response: Response): void {
    const open = this.#open.get(response.sequence);
    if (open === undefined || open.call.to !== response.from) return;
    this.#open.delete(response.sequence);
    this.#run((peer) => {
      const reply = toReply(open.call, response);
      if (reply === null) peer.failed(open.call);
      else peer.replied(open.call, reply);
    });
  }

  /** Runs `body` on the process, then what follows from it. Undefined if there is no process, or none any more. */
  #run<T>(body: (peer: GoPeer) => T): T | undefined {
    const peer = this.#peer;
    if (peer === null) return undefined;
    return this.#surviving(() => {
      const result = body(peer);
      this.#settle(peer);
      return result;
    });
  }

  #surviving<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof GoPanic)) throw error;
      this.#stop();
      this.#panic = error;
      return undefined;
    }
  }

  #settle(peer: GoPeer): void {
    for (const call of peer.takeCalls()) this.#send(call);
    const { installDelayMs, validCommand, service } = this.#options;
    for (const snapshot of peer.takeSnapshots()) {
      this.#installs.push({ atMs: this.#nowMs + installDelayMs, snapshot });
    }
    for (const { command, index } of peer.takeCommitted()) {
      if (command === null || !validCommand(command)) throw new GoPanic("nil pointer dereference");
      service.apply(command, index);
    }
  }

  #send(call: GoCall): void {
    this.#sequence += 1;
    this.#open.set(this.#sequence, { call, deadlineMs: this.#nowMs + DEADLINE_MS[call.rpc] });
    const message = toRequest(call, this.id, this.#sequence);
    this.#packets.push({ message, snapshot: call.rpc === "installSnapshot" ? call.request.data : null });
  }

  #stop(): void {
    this.#peer = null;
    this.#open.clear();
    this.#installs = [];
  }
}

function reversed({ from, to, term, sequence }: Message): Pick<Message, "from" | "to" | "term" | "sequence"> {
  return { from: to, to: from, term, sequence };
}

function answerOf(peer: GoPeer, request: Request, data: Uint8Array): Message {
  switch (request.type) {
    case "requestVote":
      return voteResponse(request, peer.requestVote(toGoVote(request)));
    case "appendEntries":
      return appendResponse(request, peer.appendEntries(toGoAppend(request)));
    case "installSnapshot":
      return installResponse(request, peer.installSnapshot(toGoInstall(request, data)));
  }
}
