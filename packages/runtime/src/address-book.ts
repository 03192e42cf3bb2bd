import type { Clock, NodeId, Transport } from "@eraft/core";
import { messageOf } from "./errors.ts";
import type { Logger } from "./logger.ts";

/**
 * Tells the transport where the others are. Two things may not depend on an operator's luck:
 *
 * - An address that the transport does not take came here through the log, to all servers at once. If they failed on it there would be no cluster left to
 *   correct it: the server keeps the address it had, and the rest go on.
 * - Whoever has left the cluster is still to be told so.
 */
export class AddressBook {
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #farewellMs: number;
  #wanted: ReadonlyMap<NodeId, string> = new Map();
  #accepted = new Map<NodeId, string>();
  #leaving = new Map<NodeId, string>();
  #cancelFarewell: () => void = () => {};

  /** @param farewellMs how long a server that is no member any more can still be reached */
  constructor(
    transport: Transport,
    host: { readonly logger: Logger; readonly clock: Clock },
    farewellMs: number,
  ) {
    this.#transport = transport;
    this.#logger = host.logger;
    this.#clock = host.clock;
    this.#farewellMs = farewellMs;
  }

  /** At the start, with addresses that an operator has just given: throws what the transport does. */
  open(peers: ReadonlyMap<NodeId, string>): void {
    this.#transport.setPeers(peers);
    this.#wanted = peers;
    this.#accepted = new Map(peers);
  }

  set(peers: ReadonlyMap<NodeId, string>): void {
    for (const [id, address] of this.#wanted) if (!peers.has(id)) this.#leaving.set(id, address);
    for (const id of peers.keys()) this.#leaving.delete(id);
    this.#wanted = peers;
    this.#tell();
    this.#cancelFarewell();
    if (this.#leaving.size === 0) return;
    this.#cancelFarewell = this.#clock.after(this.#farewellMs, () => {
      this.#leaving.clear();
      this.#tell();
    });
  }

  close(): void {
    this.#cancelFarewell();
  }

  #tell(): void {
    const all = new Map([...this.#leaving, ...this.#wanted]);
    if (this.#takes(all)) return;
    // One after the other, from what it has: whose address is the same keeps its connections.
    let taken = new Map([...this.#accepted].filter(([id]) => all.has(id)));
    for (const [id, address] of all) {
      if (taken.get(id) === address) continue;
      const next = new Map([...taken, [id, address]]);
      const error = this.#refusalOf(next);
      if (error === null) taken = next;
      else {
        this.#logger.error(
          `The transport does not take the address of server ${id}, "${address}": ${messageOf(error)}. Correct it with setAddress.`,
          { id, address, error },
        );
      }
    }
    this.#takes(taken);
  }

  #takes(peers: Map<NodeId, string>): boolean {
    if (this.#refusalOf(peers) !== null) return false;
    this.#accepted = peers;
    return true;
  }

  /** Null if the transport took them; otherwise it has changed nothing, or nothing that the next call does not change again. */
  #refusalOf(peers: Map<NodeId, string>): unknown {
    try {
      this.#transport.setPeers(peers);
      return null;
    } catch (error) {
      return error ?? new Error("no reason");
    }
  }
}
