import type {
  AppendEntries,
  InstallSnapshot,
  Message,
  NodeId,
  OutgoingSnapshot,
  Receiver,
  RequestVote,
} from "@eraft/core";
import { fitEntries } from "../codec/sizes.ts";
import type { Deadlines, Limits, PeerConnection } from "../options.ts";
import { PeerError, peerErrorFrom } from "../peer-error.ts";
import { callAppendEntries, callInstallSnapshot, callRequestVote } from "./calls.ts";
import { InFlight } from "./in-flight.ts";
import { snapshotBytes } from "./snapshot-bytes.ts";

export interface LaneOptions {
  readonly connect: (address: string) => PeerConnection;
  readonly deadlines: Deadlines;
  readonly limits: Limits;
  readonly receiver: Receiver;
}

/** Everything that goes to one peer at one address. Its connection is made when the first message is sent. */
export class PeerLane {
  readonly address: string;
  readonly #peer: NodeId;
  readonly #options: LaneOptions;
  readonly #inFlight: InFlight;
  readonly #closing = new AbortController();
  #connection: PeerConnection | null = null;

  constructor(peer: NodeId, address: string, options: LaneOptions) {
    this.#peer = peer;
    this.address = address;
    this.#options = options;
    this.#inFlight = new InFlight(options.limits);
  }

  requestVote(message: RequestVote): void {
    if (!this.#inFlight.enter(0)) return this.#dropped();
    void this.#requestVote(message);
  }

  /** Sends the leading entries that fit into one message; the answer then covers just these. */
  appendEntries(message: AppendEntries): void {
    if (message.entries.length === 0) {
      if (!this.#inFlight.enter(0)) return this.#dropped();
      void this.#appendEntries(message, 0, 0);
      return;
    }
    const { maxMessageBytes } = this.#options.limits;
    const { count, sizeBytes } = fitEntries(message.entries, maxMessageBytes);
    if (count === 0) {
      const entry = message.entries[0];
      const text = `entry ${entry?.index} of ${entry?.command.byteLength} bytes exceeds a message of ${maxMessageBytes} bytes`;
      return this.#report(new PeerError("tooLarge", `${this.address}: ${text}`));
    }
    if (!this.#inFlight.enter(sizeBytes)) return this.#dropped();
    void this.#appendEntries(message, count, sizeBytes);
  }

  /**
   * Resolves once the peer's answer has been handed to the receiver. Uses a connection of its own: one message of 64 MiB would
   * otherwise fill the shared flow-control window and the socket, and the heartbeats behind it would come too late.
   */
  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    const { connect, deadlines, limits } = this.#options;
    if (snapshot.size > limits.maxSnapshotBytes) {
      const text = `a snapshot of ${snapshot.size} bytes exceeds the limit of ${limits.maxSnapshotBytes} bytes`;
      throw new PeerError("tooLarge", `${this.address}: ${text}`);
    }
    const data = await snapshotBytes(snapshot);
    let connection: PeerConnection | null = null;
    try {
      this.#closing.signal.throwIfAborted();
      connection = connect(this.address);
      const deadlineMs = deadlines.installSnapshotMs;
      const response = await callInstallSnapshot(connection, this.#closing.signal, deadlineMs, header, data);
      this.#closing.signal.throwIfAborted();
      this.#deliver(response);
    } catch (reason) {
      const error = this.#translate(reason, deadlines.installSnapshotMs);
      this.#report(error);
      throw error;
    } finally {
      connection?.close?.();
    }
  }

  /** Ends all calls. The receiver hears nothing more of this peer from here. */
  close(): void {
    this.#closing.abort(new PeerError("stopped", `${this.address}: no longer in use`));
    this.#connection?.close?.();
    this.#connection = null;
  }

  async #requestVote(message: RequestVote): Promise<void> {
    const deadlineMs = this.#options.deadlines.requestVoteMs;
    try {
      this.#deliver(await callRequestVote(this.#connect(), this.#closing.signal, deadlineMs, message));
    } catch (reason) {
      this.#report(this.#translate(reason, deadlineMs));
    } finally {
      this.#inFlight.leave(0);
    }
  }

  async #appendEntries(message: AppendEntries, count: number, sizeBytes: number): Promise<void> {
    const deadlineMs = this.#options.deadlines.appendEntriesMs;
    try {
      this.#deliver(
        await callAppendEntries(this.#connect(), this.#closing.signal, deadlineMs, message, count),
      );
    } catch (reason) {
      this.#report(this.#translate(reason, deadlineMs));
    } finally {
      this.#inFlight.leave(sizeBytes);
    }
  }

  #connect(): PeerConnection {
    this.#connection ??= this.#options.connect(this.address);
    return this.#connection;
  }

  #deliver(response: Message | string): void {
    if (this.#closing.signal.aborted) return;
    if (typeof response === "string") {
      throw new PeerError("invalidReply", `${this.address}: ${response}`);
    }
    this.#options.receiver.receive(response);
  }

  #dropped(): void {
    const { maxInFlight, maxInFlightBytes } = this.#options.limits;
    const text = `more than ${maxInFlight} calls or ${maxInFlightBytes} bytes under way`;
    this.#report(new PeerError("busy", `${this.address}: ${text}`));
  }

  #translate(reason: unknown, deadlineMs: number): PeerError {
    const { signal } = this.#closing;
    return peerErrorFrom(signal.aborted ? signal.reason : reason, this.address, deadlineMs);
  }

  /** Later, never from inside `send`: the receiver is in the middle of a turn then. */
  #report(error: PeerError): void {
    queueMicrotask(() => {
      if (!this.#closing.signal.aborted) this.#options.receiver.unreachable(this.#peer, error);
    });
  }
}
