import { Code, ConnectError } from "@connectrpc/connect";
import type { InstallSnapshot, OutgoingSnapshot } from "@eraft/core";
import { Lane } from "@eraft/proto/eraft/peer/v1";
import type { ExchangeResponse, Response } from "@eraft/proto/eraft/peer/v1";
import { decodeStreamResponse } from "../codec/peer/decode-response.ts";
import type { StreamRequest } from "../codec/peer/encode-request.ts";
import type { PeerConnection } from "../options.ts";
import { PeerError } from "../peer-error.ts";
import { InFlight } from "./in-flight.ts";
import type { LaneOptions } from "./lane-options.ts";
import { LaneQueue } from "./lane-queue.ts";
import type { LaneListener } from "./lane-queue.ts";
import { outgoing } from "./outgoing.ts";
import type { Outgoing } from "./outgoing.ts";
import { uploadSnapshot } from "./upload-snapshot.ts";
import { UnaryLane } from "./unary-lane.ts";

/** Which contract the peer is spoken to by; `asking` until it is known. */
type Wire = "asking" | "streams" | "unary";

/** Everything that goes to one peer at one address. */
export class PeerLane implements LaneListener {
  readonly address: string;
  readonly #options: LaneOptions;
  readonly #control: LaneQueue;
  readonly #bulk: LaneQueue;
  readonly #unary: UnaryLane;
  readonly #connections = new Map<Lane, PeerConnection>();
  readonly #closing = new AbortController();
  #wire: Wire;
  /** Those who must know which, before they go on. */
  #waiting: { readonly resolve: () => void; readonly reject: (error: PeerError) => void }[] = [];

  constructor(options: LaneOptions) {
    const { address, connect, peer, running, streams } = options;
    this.address = address;
    this.#options = options;
    const window = new InFlight(running.limits);
    const callee = (lane: Lane) => ({
      peer,
      address,
      running,
      connection: () => this.#connection(lane),
    });
    this.#control = new LaneQueue(callee(Lane.CONTROL), Lane.CONTROL, window, this);
    this.#bulk = new LaneQueue(callee(Lane.BULK), Lane.BULK, window, this);
    this.#unary = new UnaryLane({
      peer,
      address,
      running,
      window,
      connect,
      connection: () => this.#connection(Lane.CONTROL),
      closing: this.#closing.signal,
      lost: (error) => this.#lost(error),
    });
    this.#wire = streams ? "asking" : "unary";
    if (streams) this.#control.nudge();
  }

  /** Whether the peer is known to speak `raftpb.RaftService` and nothing else. */
  get isUnary(): boolean {
    return this.#wire === "unary";
  }

  /** Sends a request. Of an AppendEntries the leading entries that fit into one message; the answer then covers just these. */
  send(message: StreamRequest): void {
    const item = outgoing(message, this.address, this.#options.running.limits.maxMessageBytes);
    if (item instanceof PeerError) return this.#report(item);
    if (this.#wire === "unary") return this.#unary.send(item);
    const isBulk = item.sizeBytes > 0;
    const queue = isBulk ? this.#bulk : this.#control;
    // Until the peer is known to speak it, no second connection is made for entries.
    const error = (this.#wire === "asking" ? this.#control : queue).demand() ?? queue.add(item);
    if (error !== null) this.#report(error);
  }

  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    if (this.#wire === "asking") {
      const error = this.#control.demand();
      if (error !== null) throw error;
      await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    if (this.#wire === "unary") await this.#unary.sendSnapshot(header, snapshot);
    else await this.#upload(header, snapshot);
  }

  /** There is news of the peer: it has called, or the cluster has changed. */
  nudge(): void {
    if (this.#options.streams) this.#control.nudge();
  }

  /** Ends all calls. The receiver hears nothing more of this peer from here. */
  close(): void {
    const error = new PeerError("stopped", `${this.address}: no longer in use`);
    this.#closing.abort(error);
    this.#control.close();
    this.#bulk.close();
    this.#decided(error);
    for (const connection of this.#connections.values()) connection.close?.();
    this.#connections.clear();
  }

  opened(lane: Lane): void {
    if (lane !== Lane.CONTROL) return;
    this.#wire = "streams";
    this.#decided(null);
    if (!this.#bulk.isIdle) this.#bulk.nudge();
  }

  received(lane: Lane, frame: ExchangeResponse): void {
    if (frame.welcome !== undefined) return this.#fail(lane, "a second welcome");
    for (const response of frame.responses) {
      if (this.#closing.signal.aborted) return;
      if (!this.#answered(lane, response)) return;
    }
  }

  failed(lane: Lane, error: PeerError): void {
    const isControl = lane === Lane.CONTROL;
    const queues = isControl && this.#wire === "asking" ? [this.#control, this.#bulk] : [this.#queue(lane)];
    const isLoss = queues.some((queue) => !queue.isIdle);
    const unsent = queues.flatMap((queue) => queue.drain());
    if (isControl && error.code === "unsupported") return this.#fallBack(error, unsent);
    if (isControl && this.#wire === "asking") this.#decided(error);
    if (isLoss) this.#report(error);
  }

  async #upload(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    try {
      await uploadSnapshot(this.#options, this.#closing.signal, header, snapshot);
    } catch (reason) {
      if (reason instanceof PeerError) this.#report(reason);
      throw reason;
    }
  }

  /** Speaks raftpb.RaftService from now on, until the control link opens after all. An older peer is no error; one that is too new is. */
  #fallBack(error: PeerError, unsent: readonly Outgoing[]): void {
    if (this.#wire !== "unary" && !isUnimplemented(error)) this.#report(error);
    this.#wire = "unary";
    this.#decided(null);
    for (const item of [...unsent, ...this.#bulk.drain()]) this.#unary.send(item);
  }

  /** Hands an answer to the receiver; false if it is none. */
  #answered(lane: Lane, wire: Response): boolean {
    const { peer, running } = this.#options;
    const response = decodeStreamResponse(wire, peer, running.id);
    if (typeof response === "string") {
      this.#fail(lane, response);
      return false;
    }
    this.#control.answered(response.sequence);
    this.#bulk.answered(response.sequence);
    running.receiver.receive(response);
    return true;
  }

  #fail(lane: Lane, text: string): void {
    this.#queue(lane).fail(new PeerError("invalidReply", `${this.address}: ${text}`));
  }

  #queue(lane: Lane): LaneQueue {
    return lane === Lane.CONTROL ? this.#control : this.#bulk;
  }

  #connection(lane: Lane): PeerConnection {
    const connection = this.#connections.get(lane) ?? this.#options.connect(this.address);
    this.#connections.set(lane, connection);
    return connection;
  }

  #decided(error: PeerError | null): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve, reject } of waiting) {
      if (error === null) resolve();
      else reject(error);
    }
  }

  /** A unary call has failed. */
  #lost(error: PeerError): void {
    if (this.#options.streams && (error.code === "unreachable" || error.code === "unavailable")) {
      this.#control.askAgain();
    }
    this.#report(error);
  }

  /** Later, never from inside `send`: the receiver is in the middle of a turn then. */
  #report(error: PeerError): void {
    queueMicrotask(() => {
      if (this.#closing.signal.aborted) return;
      this.#options.running.receiver.unreachable(this.#options.peer, error);
    });
  }
}

function isUnimplemented({ cause }: PeerError): boolean {
  return cause instanceof ConnectError && cause.code === Code.Unimplemented;
}
