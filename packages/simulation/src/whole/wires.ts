import type { Message, NodeId } from "@eraft/core";
import { Network } from "../network.ts";
import { Introductions } from "./introductions.ts";
import type { SimulatedTransport } from "./transport.ts";
import type { World } from "./world.ts";

/** After this long a sender notices that a connection is gone, at most. */
const NOTICE_MS = 300;

/** What is lost of a stream is sent again after a while. */
const TRANSMISSIONS = 5;
const RETRANSMIT_MS = 20;

/** What connects the transports of a cluster: whoever listens under a server's name gets what is sent to it, whichever life it was meant for. */
export class Wires {
  readonly #world: World;
  readonly #network: Network;
  readonly #introductions: Introductions;
  readonly #listening = new Map<NodeId, SimulatedTransport>();

  constructor(world: World) {
    this.#world = world;
    this.#network = new Network(world.plan.network, world.plan.seed);
    this.#introductions = new Introductions(world);
  }

  get network(): Network {
    return this.#network;
  }

  listen(transport: SimulatedTransport): void {
    this.#listening.set(transport.id, transport);
  }

  leave(transport: SimulatedTransport): void {
    if (this.#listening.get(transport.id) === transport) this.#listening.delete(transport.id);
  }

  /** Who answers under this name; undefined while nobody does. */
  find(id: NodeId): SimulatedTransport | undefined {
    const transport = this.#listening.get(id);
    return transport?.life.isOver === true ? undefined : transport;
  }

  /** Sends `message` on its way: it arrives, once, several times, or not at all. */
  carry(sender: SimulatedTransport, message: Message): void {
    const { timeline, coverage } = this.#world;
    const arrivals = this.#network.send(message.from, message.to, timeline.now);
    if (isRequest(message)) this.#world.requests += 1;
    if (arrivals.length > 1) coverage.hit("messageRepeated");
    for (const at of arrivals) {
      timeline.after(at - timeline.now, message.type, () => this.#arrive(sender, message));
    }
    if (arrivals.length === 0) this.#lost(sender, message);
  }

  /** When a piece of a stream from one server to another arrives; null if the connection breaks, because it was lost too often. */
  arrivalOfPiece(from: NodeId, to: NodeId): number | null {
    for (let attempt = 0; attempt < TRANSMISSIONS; attempt += 1) {
      const at = this.#network.send(from, to, this.#world.timeline.now)[0];
      if (at !== undefined) return at + attempt * RETRANSMIT_MS;
    }
    return null;
  }

  /** Whether what `caller` says is delivered to `called`; see Introductions. */
  areIntroduced(caller: SimulatedTransport, called: SimulatedTransport): boolean {
    return this.#introductions.areMade(caller, called);
  }

  /** How long it takes until the other end notices that something is over. */
  noticeMs(): number {
    return this.#world.random.network.between(0.1, NOTICE_MS);
  }

  #arrive(sender: SimulatedTransport, message: Message): void {
    const target = this.find(message.to);
    if (target === undefined) {
      this.#lost(sender, message);
      return;
    }
    if (sender.life.isOver) this.#world.coverage.hit("messageOfFormerLife");
    target.life.enter("io", () => {
      if (this.areIntroduced(sender, target)) target.deliver(message);
    });
  }

  /** Who waits for `message` or its answer may be told: of a request its sender, of a response whoever asked. */
  #lost(sender: SimulatedTransport, message: Message): void {
    const { coverage, timeline } = this.#world;
    const wasRequest = isRequest(message);
    coverage.hit(wasRequest ? "messageLost" : "replyLost");
    if (!this.#network.tells()) return;
    const [waiting, peer] = wasRequest ? [sender, message.to] : [this.find(message.to), message.from];
    timeline.after(this.noticeMs(), "unreachable", () => {
      if (waiting === undefined) return;
      waiting.life.enter("io", () => waiting.reportLoss(peer));
    });
  }
}

function isRequest({ type }: Message): boolean {
  return type === "requestVote" || type === "appendEntries";
}
