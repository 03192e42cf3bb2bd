import { Code, ConnectError } from "@connectrpc/connect";
import type { InstallSnapshot, OutgoingSnapshot } from "@eraft/core";
import type { InstallSnapshotResponse, Response, SnapshotProgress } from "@eraft/proto/eraft/peer/v1";
import { Attempt } from "../client/attempt.ts";
import type { AttemptListener, Callee, Failure } from "../client/attempt.ts";
import { decodeStreamResponse } from "../codec/peer/decode-response.ts";
import { PeerError } from "../peer-error.ts";
import { BlockReader } from "./block-reader.ts";
import { blockBytesFor } from "./block-size.ts";
import { Pace } from "./pace.ts";
import { abortOf, chunkOf, uploadOf } from "./upload-frames.ts";
import type { UploadCall, UploadKind } from "./upload-frames.ts";
import { SnapshotWindow } from "./window.ts";

/** Before a connection that broke is made again. */
const RECONNECT_MS = 100;

/** One snapshot on its way to one peer, over as many connections as it takes. */
export class SnapshotUpload implements AttemptListener<InstallSnapshotResponse> {
  readonly #callee: Callee;
  readonly #header: InstallSnapshot;
  readonly #kind: UploadKind;
  readonly #reader: BlockReader;
  readonly #window = new SnapshotWindow();
  readonly #pace: Pace;
  readonly #blockBytes: number;
  readonly #done = Promise.withResolvers<void>();
  /** Resolved, and replaced, whenever there may be something to do. */
  #change = Promise.withResolvers<void>();
  #call: UploadCall | null = null;
  #isOpen = false;
  /** It was open at least once: the peer is there, and worth coming back to. */
  #wasOpen = false;
  #hasFailed = false;
  #isRead = false;
  #isDone = false;
  #takenBytes = 0;
  #windowBytes: number;
  #progressAtMs: number;
  #cancelIdle: () => void = () => {};
  #cancelReconnect: () => void = () => {};
  #cancelWait: () => void = () => {};

  /** `transfer` is a number that no other snapshot of this run has. */
  constructor(callee: Callee, header: InstallSnapshot, snapshot: OutgoingSnapshot, transfer: number) {
    const { clock, limits } = callee.running;
    this.#callee = callee;
    this.#header = header;
    this.#kind = uploadOf(() => ({
      header,
      transfer,
      sizeBytes: snapshot.size,
      resumableFrom: this.#window.resumableFrom,
    }));
    this.#windowBytes = limits.snapshotWindowBytes;
    this.#blockBytes = blockBytesFor(limits);
    this.#reader = new BlockReader(snapshot, this.#blockBytes);
    this.#pace = new Pace(clock, limits.snapshotBytesPerSecond);
    this.#progressAtMs = clock.now();
  }

  /** Resolves once the peer's answer has been handed to the receiver. Rejects with a PeerError, or as the snapshot's chunks do. */
  async run(): Promise<void> {
    this.#watch();
    this.#connect();
    void this.#pump();
    try {
      await this.#done.promise;
    } finally {
      this.#reader.close();
    }
  }

  /** Gives it up. */
  cancel(error: PeerError): void {
    this.#finish(error);
  }

  opened({ progress }: InstallSnapshotResponse): void {
    this.#isOpen = true;
    this.#wasOpen = true;
    if (progress === undefined) return this.#misbehaves("a welcome without progress");
    if (!this.#window.resume(Number(progress.receivedBytes), progress.checksum)) {
      return this.#misbehaves("it has another snapshot than was sent");
    }
    const granted = Number(progress.windowBytes);
    this.#windowBytes = Math.min(this.#callee.running.limits.snapshotWindowBytes, granted);
    this.#progressed(progress);
  }

  received({ progress, answer }: InstallSnapshotResponse): void {
    if (answer !== undefined) return this.#answered(answer);
    if (progress !== undefined) this.#progressed(progress);
  }

  failed({ error }: Failure): void {
    this.#call = null;
    this.#isOpen = false;
    // What the peer says deliberately it will say again. One that never said anything is tried twice: it may have begun, and the break have come
    // before its welcome.
    if (!isBreak(error) || (this.#hasFailed && !this.#wasOpen)) return this.#finish(error);
    this.#hasFailed = true;
    this.#cancelReconnect = this.#callee.running.clock.after(RECONNECT_MS, () => this.#connect());
  }

  #connect(): void {
    this.#call = new Attempt(this.#kind, this.#callee, this);
  }

  /** Sends and reads, one at a time, until there is nothing left of either. */
  async #pump(): Promise<void> {
    try {
      while (!this.#isDone) {
        if (this.#sendNext()) continue;
        if (this.#mayRead()) await this.#read();
        else await this.#change.promise;
      }
    } catch (reason) {
      this.#finish(reason);
    }
  }

  #sendNext(): boolean {
    const block = this.#isOpen ? this.#window.peek() : null;
    if (block === null) return false;
    if (this.#mustWait()) return false;
    this.#window.sent();
    this.#pace.went(block.bytes.byteLength);
    this.#call?.write(chunkOf(block), block.bytes.byteLength);
    return true;
  }

  /** For the pace. Sees to it that somebody asks again in time. */
  #mustWait(): boolean {
    const { waitMs } = this.#pace;
    if (waitMs === 0) return false;
    this.#cancelWait();
    this.#cancelWait = this.#callee.running.clock.after(waitMs, () => this.#changed());
    return true;
  }

  #mayRead(): boolean {
    const keptBytes = this.#window.readBytes - this.#takenBytes;
    return !this.#isRead && (keptBytes === 0 || keptBytes + this.#blockBytes <= this.#windowBytes);
  }

  async #read(): Promise<void> {
    const block = await this.#reader.next();
    if (block === null) this.#isRead = true;
    else this.#window.put(block);
  }

  /** Every sign that the peer is at work counts: it gives none when it waits for us, or is stuck. */
  #progressed({ takenBytes }: SnapshotProgress): void {
    this.#progressAtMs = this.#callee.running.clock.now();
    this.#takenBytes = Math.max(this.#takenBytes, Number(takenBytes));
    this.#window.release(this.#takenBytes);
    this.#changed();
  }

  #answered(wire: Response): void {
    const { address, peer, running } = this.#callee;
    const response = decodeStreamResponse(wire, peer, running.id);
    if (typeof response === "string") return this.#misbehaves(response);
    if (response.sequence !== this.#header.sequence) return this.#misbehaves("an answer to something else");
    if (response.type !== "installSnapshotResponse" && response.type !== "refusal") {
      return this.#misbehaves(`a ${response.type} to a snapshot`);
    }
    running.receiver.receive(response);
    if (response.type === "installSnapshotResponse") this.#finish(null);
    else this.#finish(new PeerError("refused", `${address}: the snapshot was refused, ${response.reason}`));
  }

  #misbehaves(text: string): void {
    this.#finish(new PeerError("invalidReply", `${this.#callee.address}: ${text}`));
  }

  /** One timer, which comes back for what is left: progress comes many times a second. */
  #watch(): void {
    const { clock, deadlines } = this.#callee.running;
    const leftMs = this.#progressAtMs + deadlines.snapshotIdleMs - clock.now();
    if (leftMs > 0) {
      this.#cancelIdle = clock.after(leftMs, () => this.#watch());
      return;
    }
    const text = `no progress with a snapshot within ${deadlines.snapshotIdleMs} ms`;
    this.#finish(new PeerError("timeout", `${this.#callee.address}: ${text}`));
  }

  #finish(reason: unknown): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#cancelIdle();
    this.#cancelReconnect();
    this.#cancelWait();
    // Also before the welcome: the peer may have begun, and would wait for us.
    if (reason === null) this.#call?.abandon();
    else this.#call?.leave(abortOf(reason));
    this.#call = null;
    this.#changed();
    if (reason === null) this.#done.resolve();
    else this.#done.reject(reason);
  }

  #changed(): void {
    const change = this.#change;
    this.#change = Promise.withResolvers();
    change.resolve();
  }
}

/** The connection is to blame, not the peer. */
function isBreak({ code, cause }: PeerError): boolean {
  return (
    code === "unreachable" ||
    code === "timeout" ||
    (cause instanceof ConnectError && cause.code === Code.DataLoss)
  );
}
