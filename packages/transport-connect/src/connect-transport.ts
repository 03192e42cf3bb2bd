import type { ConnectRouter } from "@connectrpc/connect";
import type { InstallSnapshot, Message, NodeId, OutgoingSnapshot, Receiver, Transport } from "@eraft/core";
import { checkAddress } from "./address.ts";
import { PeerLane } from "./client/peer-lane.ts";
import type { LaneOptions } from "./client/peer-lane.ts";
import { systemClock } from "./clock.ts";
import type { ConnectTransportOptions } from "./options.ts";
import { checkDeadlines, checkLimits, checkNodeId } from "./options.ts";
import { PeerError } from "./peer-error.ts";
import { RaftRoutes } from "./server/routes.ts";

/**
 * Raft over the unary RPCs of `raftpb.RaftService`, the wire of eraft's Go nodes.
 *
 * The application owns the HTTP server: it registers `routes` there, and lets it listen before `start` so that peers can reach this one.
 * Before `start` and after `stop` the RPCs answer UNAVAILABLE. After `stop` it can be started again.
 */
export class ConnectTransport implements Transport {
  readonly #id: NodeId;
  readonly #options: Omit<LaneOptions, "receiver">;
  readonly #routes: RaftRoutes;
  readonly #lanes = new Map<NodeId, PeerLane>();
  #peers: ReadonlyMap<NodeId, string> = new Map();
  #receiver: Receiver | null = null;

  /** Throws a RangeError for an option out of range. */
  constructor(options: ConnectTransportOptions) {
    this.#id = checkNodeId(options.id);
    const limits = checkLimits(options.limits);
    this.#options = { connect: options.connect, deadlines: checkDeadlines(options.deadlines), limits };
    const members = { self: this.#id, isPeer: (id: NodeId) => this.#peers.has(id) };
    this.#routes = new RaftRoutes(members, limits, options.clock ?? systemClock);
  }

  /** Registers the server side. Compression is off and the size of a request is bounded, whatever the router's own options say. */
  routes(router: ConnectRouter): void {
    this.#routes.register(router);
  }

  /** Begins to serve. Rejects when it is serving already. */
  async start(receiver: Receiver): Promise<void> {
    if (this.#receiver !== null) throw new Error("this transport has been started already");
    this.#receiver = receiver;
    this.#routes.start(receiver);
    this.#openLanes(receiver);
  }

  /**
   * Sets the peers as `host:port`. Calls to peers that moved or left end unanswered, and requests of servers that are not here get
   * PERMISSION_DENIED. Throws a TypeError or RangeError for a bad address or id, or this server's own id, and then changes nothing.
   */
  setPeers(peers: ReadonlyMap<NodeId, string>): void {
    for (const [peer, address] of peers) {
      if (checkNodeId(peer) === this.#id) throw new RangeError(`server ${peer} cannot be its own peer`);
      checkAddress(address);
    }
    this.#peers = new Map(peers);
    for (const [peer, lane] of this.#lanes) {
      if (this.#peers.get(peer) === lane.address) continue;
      lane.close();
      this.#lanes.delete(peer);
    }
    if (this.#receiver !== null) this.#openLanes(this.#receiver);
  }

  send(message: Message): void {
    switch (message.type) {
      case "requestVote":
        return this.#lanes.get(message.to)?.requestVote(message);
      case "appendEntries":
        return this.#lanes.get(message.to)?.appendEntries(message);
      case "requestVoteResponse":
      case "appendEntriesResponse":
      case "installSnapshotResponse":
      case "refusal":
        return this.#routes.answer(message);
      // A snapshot without its data: only sendSnapshot can carry it.
      case "installSnapshot":
    }
  }

  /** As the port says; rejects with a PeerError, with the code `tooLarge` for a snapshot above `maxSnapshotBytes`. */
  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    const lane = this.#lanes.get(header.to);
    if (lane === undefined) {
      const text =
        this.#receiver === null ? "this transport is not running" : `no server ${header.to} is known`;
      throw new PeerError("stopped", text);
    }
    await lane.sendSnapshot(header, snapshot);
  }

  /** Held calls of peers end with UNAVAILABLE, and the receiver hears nothing more. */
  async stop(): Promise<void> {
    this.#receiver = null;
    this.#routes.stop();
    for (const lane of this.#lanes.values()) lane.close();
    this.#lanes.clear();
  }

  #openLanes(receiver: Receiver): void {
    for (const [peer, address] of this.#peers) {
      if (this.#lanes.has(peer)) continue;
      this.#lanes.set(peer, new PeerLane(peer, address, { ...this.#options, receiver }));
    }
  }
}
