import type {
  InstallSnapshot,
  Message,
  NodeId,
  OutgoingSnapshot,
  PeerIdentity,
  Receiver,
  Transport,
} from "@eraft/core";
import { checkPromise } from "../invariants/durability.ts";
import type { DurableDisk } from "./durable-disk.ts";
import type { Life } from "./life.ts";
import { Pipe } from "./pipe.ts";
import { SnapshotCall } from "./snapshot-call.ts";
import type { Wires } from "./wires.ts";
import type { World } from "./world.ts";

const START_MS = 1;

/** The port `Transport` of one process. Checks, of everything that leaves, whether the disk already knows what it promises. */
export class SimulatedTransport implements Transport {
  readonly id: NodeId;
  readonly life: Life;
  readonly identity: () => PeerIdentity | null;
  readonly #world: World;
  readonly #wires: Wires;
  readonly #disk: DurableDisk;
  readonly #calls = new Set<SnapshotCall>();
  readonly #pipes = new Set<Pipe>();
  #receiver: Receiver | null = null;
  #peers: ReadonlySet<NodeId> = new Set();

  /** @param identity what this process says of itself */
  constructor(parts: {
    readonly world: World;
    readonly wires: Wires;
    readonly life: Life;
    readonly disk: DurableDisk;
    readonly identity: () => PeerIdentity | null;
  }) {
    const { world, wires, life, disk, identity } = parts;
    this.id = life.server;
    this.identity = identity;
    this.life = life;
    this.#world = world;
    this.#wires = wires;
    this.#disk = disk;
  }

  start(receiver: Receiver): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#world.timeline.after(START_MS, "listen", () =>
      this.life.enter("io", () => {
        this.#receiver = receiver;
        this.#wires.listen(this);
        resolve();
      }),
    );
    return promise;
  }

  setPeers(peers: ReadonlyMap<NodeId, string>): void {
    this.#peers = new Set(peers.keys());
  }

  send(message: Message): void {
    if (!this.#mayLeave(message) || this.#world.boundary(this.life, `before ${message.type}`)) return;
    this.#checkLeaving(message);
    this.#world.timeline.note(message.type, this.id, message.to);
    this.#wires.carry(this, message);
    this.#world.boundary(this.life, `after ${message.type}`);
  }

  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    if (this.life.isOver) return new Promise(() => {});
    if (!this.#mayLeave(header)) throw new Error("the transport is stopped, or does not know this peer");
    this.#checkLeaving(header);
    this.#world.timeline.note("installSnapshot", this.id, header.to);
    const call = new SnapshotCall(this.#world, this.#wires, this, header);
    this.#calls.add(call);
    try {
      await call.run(snapshot);
    } finally {
      this.#calls.delete(call);
    }
  }

  async stop(): Promise<void> {
    this.#receiver = null;
    this.#wires.leave(this);
    for (const call of this.#calls) call.fail("the transport was stopped");
    for (const pipe of this.#pipes) pipe.end(new Error("the transport was stopped"));
  }

  /** What listens here; null before `start` and after `stop`. */
  get receiver(): Receiver | null {
    return this.#receiver;
  }

  /** Where a snapshot for this process arrives. */
  newPipe(): Pipe {
    const pipe = new Pipe();
    this.#pipes.add(pipe);
    return pipe;
  }

  deliver(message: Message): void {
    const receiver = this.#receiver;
    if (receiver === null) return;
    const { judge, timeline } = this.#world;
    timeline.note(`receives ${message.type}`, this.id, message.from);
    judge.observe(() => receiver.receive(message));
    for (const call of this.#calls) call.answered(message);
  }

  reportLoss(peer: NodeId): void {
    const receiver = this.#receiver;
    if (receiver === null) return;
    this.#world.coverage.hit("lossReported");
    this.#world.judge.observe(() => receiver.unreachable(peer, new Error("the connection broke")));
  }

  #mayLeave({ to, type }: Message): boolean {
    const { judge } = this.#world;
    const { isOver, isReleased } = this.life;
    judge.check(!isReleased, "Stopped Is Stopped", () => `server ${this.id} sends after stop`);
    // An answer goes back over the connection on which it was asked for, whoever that was.
    return !isOver && this.#receiver !== null && (this.#peers.has(to) || isAnswer(type));
  }

  #checkLeaving(message: Message): void {
    const { judge } = this.#world;
    const { id } = this;
    const { hasFailedStorage } = this.life;
    judge.check(
      !hasFailedStorage,
      "Failed Is Silent",
      () => `server ${id} sends ${message.type} after its storage failed`,
    );
    judge.observe(() => {
      const { number } = this.#disk;
      checkPromise({ id, disk: this.#disk }, message);
      // A vote counts once it is sent: one that was lost with the disk before that was never given.
      if (message.type === "requestVote") judge.history.votes(number, message.term, id);
      if (message.type === "requestVoteResponse" && message.voteGranted) {
        judge.history.votes(number, message.term, message.to);
      }
    });
  }
}

function isAnswer(type: Message["type"]): boolean {
  return type.endsWith("Response") || type === "refusal";
}
