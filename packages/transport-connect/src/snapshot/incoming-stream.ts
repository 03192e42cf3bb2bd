import { Code, ConnectError } from "@connectrpc/connect";
import type {
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  SnapshotProgress,
} from "@eraft/proto/eraft/peer/v1";
import { encodeStreamResponse } from "../codec/peer/encode-response.ts";
import { decodeSnapshotHeader } from "../codec/peer/snapshot-header.ts";
import type { TransferHeader } from "../codec/peer/snapshot-header.ts";
import type { Running } from "../running.ts";
import { Reception } from "../server/reception.ts";
import type { Acquaintance } from "../stream/handshake.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import type { IncomingTransfer, TransferAnswer, TransferStream } from "./incoming-transfer.ts";

/** What a stream needs of the set of transfers. */
export interface TransferHost {
  /** The transfer that a stream brings, or goes on with; or the error to end it with. */
  transferOf(header: TransferHeader, acquaintance: Acquaintance): IncomingTransfer | ConnectError;
  /** The sender has given it up. */
  aborted(transfer: IncomingTransfer, reason: string): void;
  closed(stream: IncomingStream): void;
}

/** An InstallSnapshot as the one that is called sees it. */
export class IncomingStream implements PipeListener<InstallSnapshotRequest>, TransferStream {
  readonly #pipe: Pipe<InstallSnapshotResponse>;
  readonly #running: Running;
  readonly #host: TransferHost;
  readonly #reception: Reception;
  #transfer: IncomingTransfer | null = null;
  #isOver = false;

  constructor(pipe: Pipe<InstallSnapshotResponse>, running: Running, host: TransferHost) {
    this.#pipe = pipe;
    this.#running = running;
    this.#host = host;
    this.#reception = new Reception(running, (error) => this.end(error));
  }

  get acquaintance(): Acquaintance | null {
    return this.#reception.acquaintance;
  }

  progress(progress: SnapshotProgress): void {
    this.#pipe.write({ $typeName: "eraft.peer.v1.InstallSnapshotResponse", progress }, 0);
  }

  answer(answer: TransferAnswer): void {
    const wire = encodeStreamResponse(answer);
    this.#pipe.write({ $typeName: "eraft.peer.v1.InstallSnapshotResponse", answer: wire }, 0);
  }

  end(error: ConnectError): void {
    if (this.#isOver) return;
    this.#pipe.end(error);
    this.#close(true);
  }

  received(frame: InstallSnapshotRequest): void {
    const { abort, chunk, hello, rejection } = frame;
    if (this.#transfer === null) return this.#introduced(frame);
    if (rejection !== undefined) this.#reception.rejected(rejection);
    if (abort !== "" || rejection !== undefined) {
      return this.#host.aborted(this.#transfer, abort || "this server was rejected");
    }
    if (chunk === undefined || hello !== undefined) return this.end(invalid("neither a chunk nor an end"));
    const error = this.#transfer.receive(chunk, this.#running.clock.now());
    if (error !== null) this.end(error);
  }

  ended(_error: ConnectError | null, isOurs = false): void {
    this.#close(isOurs);
  }

  #introduced({ hello, header }: InstallSnapshotRequest): void {
    const welcome = this.#reception.introduce(hello);
    if (welcome instanceof ConnectError) return this.end(welcome);
    const { acquaintance } = this.#reception;
    if (acquaintance === null || header === undefined)
      return this.end(invalid("a hello comes with a header"));
    const decoded = decodeSnapshotHeader(header, acquaintance.peer, this.#running.id);
    if (typeof decoded === "string") return this.end(invalid(decoded));
    const transfer = this.#host.transferOf(decoded, acquaintance);
    if (transfer instanceof ConnectError) return this.end(transfer);
    this.#transfer = transfer;
    const { progress } = transfer;
    this.#pipe.write({ $typeName: "eraft.peer.v1.InstallSnapshotResponse", welcome, progress }, 0);
    transfer.attach(this, this.#running.clock.now());
  }

  #close(isOurs: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#transfer?.detach(this);
    this.#host.closed(this);
    this.#reception.over(isOurs);
  }
}

function invalid(text: string): ConnectError {
  return new ConnectError(text, Code.InvalidArgument);
}
