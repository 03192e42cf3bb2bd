import type { InstallSnapshot, Message, NodeId, OutgoingSnapshot, Receiver, Transport } from "@eraft/core";
import type { Redirections } from "./redirections.ts";

/** Looks for peers where they are, whatever the log says. */
export class RedirectedTransport implements Transport {
  readonly #inner: Transport;
  readonly #redirections: Redirections;

  constructor(inner: Transport, redirections: Redirections) {
    this.#inner = inner;
    this.#redirections = redirections;
  }

  setPeers(peers: ReadonlyMap<NodeId, string>): void {
    this.#redirections.follow(peers);
    const actual = [...peers].map(([id, address]) => [id, this.#redirections.where(id, address)] as const);
    this.#inner.setPeers(new Map(actual));
  }

  start(receiver: Receiver): Promise<void> {
    return this.#inner.start(receiver);
  }

  send(message: Message): void {
    this.#inner.send(message);
  }

  sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    return this.#inner.sendSnapshot(header, snapshot);
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }
}
