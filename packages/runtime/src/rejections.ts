import type { IdentityRefusal, NodeId } from "@eraft/core";
import type { Host } from "./host.ts";
import type { Rejection } from "./membership.ts";

/** A server that nobody talks to tries again and again: more than these are not remembered. */
const MAX_REMEMBERED = 64;

/** Who does not talk to this server, or is not talked to. Each case is reported once, until the two do talk. */
export class Rejections {
  readonly #self: NodeId;
  readonly #host: Host;
  readonly #last = new Map<NodeId, Rejection>();

  constructor(self: NodeId, host: Host) {
    this.#self = self;
    this.#host = host;
  }

  of(peer: NodeId): Rejection | null {
    return this.#last.get(peer) ?? null;
  }

  report(peer: NodeId, rejection: Rejection): void {
    // Often both refuse, each in its turn: that is one case, not a new one with every try.
    if (this.#last.get(peer)?.refusal === rejection.refusal) return;
    this.#last.delete(peer);
    this.#last.set(peer, rejection);
    const [oldest] = this.#last.keys();
    if (oldest !== undefined && this.#last.size > MAX_REMEMBERED) this.#last.delete(oldest);
    const { refusal } = rejection;
    const text = rejection.by === this.#self ? REFUSES[refusal] : REFUSED[refusal];
    this.#host.logger.warn(text.replaceAll("{peer}", `${peer}`), { peer, ...rejection });
    this.#host.events.emit("rejection", { peer, ...rejection });
  }

  heard(peer: NodeId): void {
    if (this.#last.size > 0) this.#last.delete(peer);
  }
}

const REFUSES: Readonly<Record<IdentityRefusal, string>> = {
  otherCluster:
    "Server {peer} belongs to another cluster: nothing it says counts. Check its address and its data directory.",
  otherDisk:
    "Server {peer} speaks for another disk than the cluster knows: it was emptied or replaced, or a second server runs under this id. " +
    "Nothing it says counts, until the disk that is known has been silent for an election timeout and the leader has made it a learner.",
  olderDisk:
    "Server {peer} speaks for an older copy of its disk, which lacks what it had confirmed. Nothing it says counts. " +
    "Stop it, empty its data directory and start it again: it then comes back as a learner, and gets its vote back.",
};

const REFUSED: Readonly<Record<IdentityRefusal, string>> = {
  otherCluster:
    "Server {peer} does not talk to this server, which belongs to another cluster. Check the addresses and the data directory.",
  otherDisk:
    "Server {peer} does not talk to this server, whose disk is not the one that the cluster knows: it was emptied or replaced. " +
    "The leader makes this server a learner by itself, and a voter again when it has caught up, unless another server runs under its id.",
  olderDisk:
    "Server {peer} does not talk to this server, whose disk is an older copy and lacks what it had confirmed. " +
    "Stop this server, empty its data directory and start it again: it then comes back as a learner, and gets its vote back.",
};
