import { Code, ConnectError } from "@connectrpc/connect";
import type { InstallSnapshotResponse, NodeId, Refusal } from "@eraft/core";
import type {
  InstallSnapshotRequest,
  InstallSnapshotResponse as WireResponse,
} from "@eraft/proto/eraft/peer/v1";
import type { TransferHeader } from "../codec/peer/snapshot-header.ts";
import type { Running } from "../running.ts";
import type { Acquaintance } from "../stream/handshake.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import { IncomingStream } from "./incoming-stream.ts";
import type { TransferHost } from "./incoming-stream.ts";
import { IncomingTransfer } from "./incoming-transfer.ts";

/** How often a sender is told that its snapshot is being worked on, and the starving are looked at. */
const LOOK_MS = 1000;

/** The snapshots that peers send us, one of each. */
export class IncomingTransfers implements TransferHost {
  readonly #running: Running;
  readonly #streams = new Set<IncomingStream>();
  /** The last one of each peer; kept when it is over, for a sender that has missed its end. */
  readonly #transfers = new Map<NodeId, IncomingTransfer>();
  #cancelLook: (() => void) | null = null;

  constructor(running: Running) {
    this.#running = running;
  }

  accept(pipe: Pipe<WireResponse>): PipeListener<InstallSnapshotRequest> {
    const stream = new IncomingStream(pipe, this.#running, this);
    this.#streams.add(stream);
    return stream;
  }

  /** True if it is the answer to a snapshot that came here. */
  answer(message: InstallSnapshotResponse | Refusal): boolean {
    const transfer = this.#transfers.get(message.to);
    if (transfer === undefined || transfer.header.sequence !== message.sequence) return false;
    transfer.answered(message);
    return true;
  }

  /** Ends the streams of servers that are peers no longer, and that nobody else vouches for. */
  keepOnly(isPeer: (id: NodeId) => boolean): void {
    for (const stream of this.#streams) {
      const { acquaintance } = stream;
      if (acquaintance === null || acquaintance.isVouchedFor || isPeer(acquaintance.peer)) continue;
      const text = `server ${acquaintance.peer} is not in this cluster`;
      const error = new ConnectError(text, Code.PermissionDenied);
      stream.end(error);
      this.#transfers.get(acquaintance.peer)?.fail(error);
    }
  }

  close(error: ConnectError): void {
    this.#cancelLook?.();
    this.#cancelLook = null;
    for (const transfer of this.#transfers.values()) transfer.fail(error);
    for (const stream of this.#streams) stream.end(error);
  }

  transferOf(header: TransferHeader, { peer, run }: Acquaintance): IncomingTransfer | ConnectError {
    const known = this.#transfers.get(peer);
    if (known?.run === run && known.transfer === header.transfer) return known;
    if (header.resumableFrom > 0) {
      return new ConnectError("the beginning of this snapshot is not here any more", Code.Unavailable);
    }
    this.#makeWay(peer);
    const transfer = new IncomingTransfer(header, run, this.#running.limits.snapshotWindowBytes);
    this.#transfers.set(peer, transfer);
    void this.#store(transfer);
    this.#cancelLook ??= this.#running.clock.after(LOOK_MS, this.#look);
    return transfer;
  }

  aborted(transfer: IncomingTransfer, reason: string): void {
    transfer.fail(new ConnectError(`the sender has given up: ${reason}`, Code.Unavailable));
  }

  closed(stream: IncomingStream): void {
    this.#streams.delete(stream);
  }

  /** A receiver takes one snapshot at a time. Those whose senders are not even here must not keep it waiting, nor an older one of the same sender. */
  #makeWay(peer: NodeId): void {
    const error = new ConnectError("a newer snapshot takes the place of this one", Code.Unavailable);
    for (const [from, transfer] of this.#transfers) {
      if (from === peer || !transfer.isConnected) transfer.fail(error);
    }
  }

  async #store(transfer: IncomingTransfer): Promise<void> {
    try {
      await this.#running.receiver.receiveSnapshot(transfer.header, transfer);
      transfer.stored();
    } catch (reason) {
      const text = reason instanceof Error ? reason.message : String(reason);
      transfer.fail(new ConnectError(`the snapshot could not be stored: ${text}`, Code.Unavailable));
    }
  }

  readonly #look = (): void => {
    const { clock, deadlines } = this.#running;
    const { snapshotIdleMs } = deadlines;
    this.#cancelLook = null;
    for (const transfer of this.#transfers.values()) {
      if (!transfer.isOpen) continue;
      if (transfer.isAtWork) transfer.tell();
      if (transfer.starvedMs(clock.now()) >= snapshotIdleMs) {
        const text = `nothing of the snapshot has come within ${snapshotIdleMs} ms`;
        transfer.fail(new ConnectError(text, Code.Unavailable));
      } else {
        this.#cancelLook ??= clock.after(LOOK_MS, this.#look);
      }
    }
  };
}
