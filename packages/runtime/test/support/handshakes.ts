import type {
  InstallSnapshot,
  Message,
  NodeId,
  OutgoingSnapshot,
  PeerIdentity,
  Receiver,
  Transport,
} from "@eraft/core";
import { MemoryNetwork } from "@eraft/transport-memory";

/** A process that listens, and those it is connected with. */
interface Life {
  readonly id: NodeId;
  readonly identity: () => PeerIdentity | null;
  readonly receiver: Receiver;
  readonly connected: Set<Life>;
}

/** A network on which servers say who they are before they are listened to. Refused, they try again with their next message. */
export class HandshakeNetwork {
  readonly links: MemoryNetwork = new MemoryNetwork();
  readonly #lives = new Map<NodeId, Life>();

  transport(id: NodeId, identity: () => PeerIdentity | null): Transport {
    const inner = this.links.transport(id);
    let life: Life | null = null;
    return {
      setPeers: (peers: ReadonlyMap<NodeId, string>) => inner.setPeers(peers),
      send: (message: Message) => inner.send(message),
      sendSnapshot: (header: InstallSnapshot, snapshot: OutgoingSnapshot) =>
        inner.sendSnapshot(header, snapshot),
      start: async (receiver: Receiver) => {
        life = { id, identity, receiver, connected: new Set() };
        this.#lives.set(id, life);
        await inner.start(this.#guarded(life));
      },
      stop: async () => {
        if (life !== null) this.#leave(life);
        await inner.stop();
      },
    };
  }

  #guarded(self: Life): Receiver {
    const { receiver } = self;
    return {
      receive: (message) => {
        if (this.#mayTalk(self, message.from)) receiver.receive(message);
      },
      receiveSnapshot: async (header, chunks) => {
        if (!this.#mayTalk(self, header.from)) throw new Error("not to be talked to");
        await receiver.receiveSnapshot(header, chunks);
      },
      unreachable: (peer, error) => receiver.unreachable(peer, error),
    };
  }

  #mayTalk(self: Life, id: NodeId): boolean {
    const peer = this.#lives.get(id);
    if (peer === undefined) return false;
    if (self.connected.has(peer)) return true;
    const mayTalk = welcomes(self, peer) && welcomes(peer, self);
    if (mayTalk) {
      self.connected.add(peer);
      peer.connected.add(self);
    }
    return mayTalk;
  }

  #leave(life: Life): void {
    if (this.#lives.get(life.id) === life) this.#lives.delete(life.id);
    for (const peer of life.connected) {
      peer.connected.delete(life);
      peer.receiver.disconnected?.(life.id);
    }
  }
}

function welcomes(host: Life, guest: Life): boolean {
  const identity = guest.identity();
  if (identity === null || host.receiver.identify === undefined) return true;
  const refusal = host.receiver.identify(guest.id, identity);
  if (refusal !== null) guest.receiver.rejected?.(host.id, refusal);
  return refusal === null;
}
