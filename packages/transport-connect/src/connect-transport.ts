import type { ConnectRouter } from "@connectrpc/connect";
import type {
  Clock,
  InstallSnapshot,
  Message,
  NodeId,
  OutgoingSnapshot,
  Receiver,
  Transport,
} from "@eraft/core";
import { checkAddress } from "./address.ts";
import { PeerLane } from "./client/peer-lane.ts";
import { systemClock } from "./clock.ts";
import { FIRST_UNARY_SEQUENCE } from "./codec/peer/sequence.ts";
import type { ConnectTransportOptions, Deadlines, Limits } from "./options.ts";
import { checkDeadlines, checkLimits, checkNodeId } from "./options.ts";
import { PeerError } from "./peer-error.ts";
import type { Running } from "./running.ts";
import { PeerRoutes } from "./server/peer-routes.ts";
import { RaftRoutes } from "./server/routes.ts";
import { Handshake } from "./stream/handshake.ts";
import { Presence } from "./stream/presence.ts";
import { Rejections } from "./stream/rejections.ts";

/**
 * Raft over the streams of `eraft.peer.v1` with peers that speak it, and over the unary RPCs of `raftpb.RaftService`, the wire of eraft's Go
 * nodes, with all others.
 *
 * The application owns the HTTP server: it registers `routes` there, and lets it listen before `start` so that peers can reach this one.
 * Before `start` and after `stop` the RPCs answer UNAVAILABLE. After `stop` it can be started again.
 */
export class ConnectTransport implements Transport {
  readonly #id: NodeId;
  readonly #options: ConnectTransportOptions;
  readonly #limits: Limits;
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #raftRoutes: RaftRoutes;
  readonly #peerRoutes: PeerRoutes;
  readonly #lanes = new Map<NodeId, PeerLane>();
  readonly #isPeer = (id: NodeId): boolean => this.#peers.has(id);
  #peers: ReadonlyMap<NodeId, string> = new Map();
  #running: Running | null = null;

  /** Throws a RangeError for an option out of range. */
  constructor(options: ConnectTransportOptions) {
    this.#id = checkNodeId(options.id);
    this.#options = options;
    this.#limits = checkLimits(options.limits);
    this.#deadlines = checkDeadlines(options.deadlines);
    this.#clock = options.clock ?? systemClock;
    this.#raftRoutes = new RaftRoutes({ self: this.#id, isPeer: this.#isPeer }, this.#limits, this.#clock);
    this.#peerRoutes = new PeerRoutes(this.#limits);
  }

  /** Registers the server side. Compression is off and the size of a request is bounded, whatever the router's own options say. */
  routes(router: ConnectRouter): void {
    this.#raftRoutes.register(router);
    if (this.#options.streams ?? true) this.#peerRoutes.register(router);
  }

  /** Begins to serve, and to call the peers. Rejects when it is serving already. */
  async start(receiver: Receiver): Promise<void> {
    if (this.#running !== null) throw new Error("this transport has been started already");
    this.#running = this.#run(receiver);
    this.#raftRoutes.start(receiver);
    this.#peerRoutes.start(this.#running, (peer) => this.#lanes.get(peer)?.nudge());
    this.#openLanes(this.#running);
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
      if (this.#peers.get(peer) === lane.address) {
        lane.nudge();
      } else {
        lane.close();
        this.#lanes.delete(peer);
      }
    }
    this.#peerRoutes.setPeers(this.#isPeer);
    if (this.#running !== null) this.#openLanes(this.#running);
  }

  /** Peers that speak `raftpb.RaftService` and nothing else, as far as that is known: Go nodes, and servers whose `streams` are off. */
  get unaryPeers(): readonly NodeId[] {
    return [...this.#lanes].filter(([, lane]) => lane.isUnary).map(([peer]) => peer);
  }

  send(message: Message): void {
    switch (message.type) {
      case "requestVote":
      case "appendEntries":
      case "preVote":
      case "timeoutNow":
      case "readIndex":
        return this.#lanes.get(message.to)?.send(message);
      case "requestVoteResponse":
      case "appendEntriesResponse":
      case "installSnapshotResponse":
      case "refusal":
        if (message.sequence >= FIRST_UNARY_SEQUENCE) return this.#raftRoutes.answer(message);
        return this.#peerRoutes.answer(message);
      case "preVoteResponse":
      case "readIndexResponse":
        return this.#peerRoutes.answer(message);
      // A snapshot without its data: only sendSnapshot can carry it.
      case "installSnapshot":
    }
  }

  /** As the port says; rejects with a PeerError, with the code `tooLarge` for one that the peer's wire cannot carry. */
  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    const lane = this.#lanes.get(header.to);
    if (lane === undefined) {
      const text =
        this.#running === null ? "this transport is not running" : `no server ${header.to} is known`;
      throw new PeerError("stopped", text);
    }
    await lane.sendSnapshot(header, snapshot);
  }

  /** Held calls of peers end with UNAVAILABLE, and the receiver hears nothing more. */
  async stop(): Promise<void> {
    this.#running?.presence.clear();
    this.#running = null;
    this.#raftRoutes.stop();
    this.#peerRoutes.stop();
    for (const lane of this.#lanes.values()) lane.close();
    this.#lanes.clear();
  }

  #run(receiver: Receiver): Running {
    const [run] = crypto.getRandomValues(new BigUint64Array(1));
    if (run === undefined) throw new RangeError("an array of 1 has an element");
    const identity = this.#options.identity ?? null;
    let transfers = 0;
    return {
      id: this.#id,
      receiver,
      addressOf: (peer) => this.#peers.get(peer) ?? `server ${peer}`,
      clock: this.#clock,
      deadlines: this.#deadlines,
      limits: this.#limits,
      handshake: new Handshake({ id: this.#id, isPeer: this.#isPeer, identity, run, receiver }),
      presence: new Presence((peer) => receiver.disconnected?.(peer)),
      rejections: new Rejections((peer, refusal) => receiver.rejected?.(peer, refusal)),
      nextTransfer: () => (transfers += 1),
    };
  }

  #openLanes(running: Running): void {
    const { connect, streams = true } = this.#options;
    for (const [peer, address] of this.#peers) {
      if (this.#lanes.has(peer)) continue;
      this.#lanes.set(peer, new PeerLane({ peer, address, running, connect, streams }));
    }
  }
}
