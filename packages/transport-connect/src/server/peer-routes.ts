import { Code, ConnectError } from "@connectrpc/connect";
import type { ConnectRouter } from "@connectrpc/connect";
import type { NodeId } from "@eraft/core";
import { PeerService } from "@eraft/proto/eraft/peer/v1";
import type { StreamResponse } from "../codec/peer/encode-response.ts";
import type { Limits } from "../options.ts";
import type { Running } from "../running.ts";
import { registerPipe } from "../stream/direct.ts";
import type { Pipe, PipeListener } from "../stream/pipe.ts";
import { IncomingTransfers } from "../snapshot/incoming-transfers.ts";
import { Inbound } from "./inbound.ts";

interface Open {
  readonly messages: Inbound;
  readonly snapshots: IncomingTransfers;
}

/** The server side of eraft.peer.v1.PeerService. */
export class PeerRoutes {
  readonly #limits: Limits;
  #open: Open | null = null;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  register(router: ConnectRouter): void {
    const { readMaxBytes } = this.#limits;
    registerPipe(router, {
      method: PeerService.method.exchange,
      accept: (pipe) => this.#open?.messages.accept(pipe) ?? this.#refuse(pipe),
      readMaxBytes,
    });
    registerPipe(router, {
      method: PeerService.method.installSnapshot,
      accept: (pipe) => this.#open?.snapshots.accept(pipe) ?? this.#refuse(pipe),
      readMaxBytes,
    });
  }

  /** `called` hears of each peer that has introduced itself. */
  start(running: Running, called: (peer: NodeId) => void): void {
    this.#open = { messages: new Inbound(running, called), snapshots: new IncomingTransfers(running) };
  }

  /** Ends all streams with UNAVAILABLE. */
  stop(): void {
    const open = this.#open;
    this.#open = null;
    const error = unavailable("this server has stopped");
    open?.messages.close(error);
    open?.snapshots.close(error);
  }

  setPeers(isPeer: (id: NodeId) => boolean): void {
    this.#open?.messages.keepOnly(isPeer);
    this.#open?.snapshots.keepOnly(isPeer);
  }

  answer(message: StreamResponse): void {
    const isOfSnapshot = message.type === "installSnapshotResponse" || message.type === "refusal";
    if (isOfSnapshot && this.#open?.snapshots.answer(message) === true) return;
    this.#open?.messages.answer(message);
  }

  #refuse(pipe: Pipe<never>): PipeListener<unknown> {
    pipe.end(unavailable("this server is not running"));
    return { received: () => {}, ended: () => {} };
  }
}

function unavailable(text: string): ConnectError {
  return new ConnectError(text, Code.Unavailable);
}
