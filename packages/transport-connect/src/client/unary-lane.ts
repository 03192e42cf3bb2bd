import type { InstallSnapshot, Message, NodeId, OutgoingSnapshot } from "@eraft/core";
import type { PeerConnection } from "../options.ts";
import { PeerError, peerErrorFrom } from "../peer-error.ts";
import type { Running } from "../running.ts";
import { wholeSnapshot } from "../snapshot/block-reader.ts";
import { callAppendEntries, callInstallSnapshot, callRequestVote } from "./calls.ts";
import type { InFlight } from "./in-flight.ts";
import type { Outgoing } from "./outgoing.ts";
import { answerFor, unaryPart } from "./unary-part.ts";
import type { UnaryRequest } from "./unary-part.ts";

export interface UnaryOptions {
  readonly peer: NodeId;
  readonly address: string;
  readonly running: Running;
  readonly window: InFlight;
  /** The connection for calls, made when it is first needed. May throw. */
  readonly connection: () => PeerConnection;
  readonly connect: (address: string) => PeerConnection;
  /** Aborted when the peer is no longer in use; then nothing more is delivered or reported. */
  readonly closing: AbortSignal;
  /** A message was lost. */
  readonly lost: (error: PeerError) => void;
}

/** What goes to a peer that speaks only raftpb.RaftService. */
export class UnaryLane {
  readonly #options: UnaryOptions;

  constructor(options: UnaryOptions) {
    this.#options = options;
  }

  send(item: Outgoing): void {
    const { address, window, running, lost } = this.#options;
    const answer = answerFor(item.message);
    if (answer !== null) return queueMicrotask(() => this.#deliver(answer));
    const part = unaryPart(item, address);
    if (part === null) return;
    if (part instanceof PeerError) return lost(part);
    if (window.enter(part.sizeBytes)) return void this.#call(part);
    const { maxInFlight, maxInFlightBytes } = running.limits;
    const text = `more than ${maxInFlight} calls or ${maxInFlightBytes} bytes under way`;
    lost(new PeerError("busy", `${address}: ${text}`));
  }

  /**
   * Resolves once the peer's answer has been handed to the receiver. Uses a connection of its own: one message of 64 MiB would
   * otherwise fill the shared flow-control window and the socket, and the heartbeats behind it would come too late.
   */
  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    const { address, closing, connect, lost, running } = this.#options;
    const { maxSnapshotBytes } = running.limits;
    if (header.configuration !== undefined) {
      const text = "raftpb.RaftService, all that it speaks, carries no snapshot with a configuration";
      throw new PeerError("unsupported", `${address}: ${text}`);
    }
    if (snapshot.size > maxSnapshotBytes) {
      const text = `a snapshot of ${snapshot.size} bytes exceeds the limit of ${maxSnapshotBytes} bytes`;
      throw new PeerError("tooLarge", `${address}: ${text}`);
    }
    const data = await wholeSnapshot(snapshot);
    const deadlineMs = running.deadlines.installSnapshotMs;
    let connection: PeerConnection | null = null;
    try {
      closing.throwIfAborted();
      connection = connect(address);
      const response = await callInstallSnapshot(connection, closing, deadlineMs, header, data);
      closing.throwIfAborted();
      this.#deliver(response);
    } catch (reason) {
      const error = this.#translate(reason, deadlineMs);
      lost(error);
      throw error;
    } finally {
      connection?.close?.();
    }
  }

  async #call({ message, count, sizeBytes }: UnaryRequest): Promise<void> {
    const { closing, connection, lost, running, window } = this.#options;
    const { requestVoteMs, appendEntriesMs } = running.deadlines;
    const deadlineMs = message.type === "requestVote" ? requestVoteMs : appendEntriesMs;
    try {
      this.#deliver(
        message.type === "requestVote"
          ? await callRequestVote(connection(), closing, deadlineMs, message)
          : await callAppendEntries(connection(), closing, deadlineMs, message, count),
      );
    } catch (reason) {
      lost(this.#translate(reason, deadlineMs));
    } finally {
      window.leave(sizeBytes);
    }
  }

  #deliver(response: Message | string): void {
    const { address, closing, running } = this.#options;
    if (closing.aborted) return;
    if (typeof response === "string") throw new PeerError("invalidReply", `${address}: ${response}`);
    running.receiver.receive(response);
  }

  #translate(reason: unknown, deadlineMs: number): PeerError {
    const { address, closing } = this.#options;
    return peerErrorFrom(closing.aborted ? closing.reason : reason, address, deadlineMs);
  }
}
