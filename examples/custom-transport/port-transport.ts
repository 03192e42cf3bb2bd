import type { InstallSnapshot, Message, NodeId, OutgoingSnapshot, Receiver, Transport } from "@eraft/core";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type Frame, compact } from "./frames.ts";
import { Downloads, Uploads } from "./snapshots.ts";

/** Requests on their way to a server that has stopped taking them. Raft sends again whatever still matters. */
const MAX_UNDER_WAY = 1024;

/** Carries messages between the threads of one process, over a port that is plugged into a switchboard. */
export class PortTransport implements Transport {
  readonly #id: NodeId;
  readonly #plugIn: (port: MessagePort) => void;
  readonly #underWay = new Map<NodeId, number>();
  readonly #taken = new Map<NodeId, number>();
  readonly #askers = new Set<NodeId>();
  readonly #uploads: Uploads;
  readonly #downloads: Downloads;
  #peers: ReadonlySet<NodeId> = new Set();
  #port: MessagePort | null = null;
  #receiver: Receiver | null = null;

  /** @param plugIn plugs a port into the switchboard, under this server's id */
  constructor(id: NodeId, plugIn: (port: MessagePort) => void) {
    this.#id = id;
    this.#plugIn = plugIn;
    const post = (frame: Frame): void => this.#port?.postMessage(frame);
    this.#uploads = new Uploads(id, post);
    this.#downloads = new Downloads(id, post);
  }

  async start(receiver: Receiver): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const { promise: plugged, resolve } = Promise.withResolvers<void>();
    this.#receiver = receiver;
    this.#port = port1;
    port1.on("message", (frame: Frame) => {
      if (frame.type === "plugged") resolve();
      else if (this.#port === port1) this.#receive(frame, receiver);
    });
    this.#plugIn(port2);
    await plugged;
  }

  setPeers(peers: ReadonlyMap<NodeId, string>): void {
    this.#peers = new Set(peers.keys());
  }

  send(message: Message): void {
    const { from, to } = message;
    if (this.#port === null || !this.#mayReach(message)) return;
    const underWay = this.#underWay.get(to) ?? 0;
    // Answers are as few as the questions.
    if (underWay >= MAX_UNDER_WAY && !isAnswer(message)) {
      this.#receiver?.unreachable(to, new Error(`server ${to} does not take its messages`));
      return;
    }
    this.#underWay.set(to, underWay + 1);
    this.#port.postMessage({ type: "message", from, to, message: compact(message) } satisfies Frame);
  }

  async sendSnapshot(header: InstallSnapshot, snapshot: OutgoingSnapshot): Promise<void> {
    if (this.#port === null || !this.#mayReach(header)) throw new Error(`server ${header.to} is unknown`);
    await this.#uploads.send(header, snapshot);
  }

  async stop(): Promise<void> {
    this.#port?.close();
    this.#port = null;
    this.#receiver = null;
    this.#underWay.clear();
    this.#taken.clear();
    this.#askers.clear();
    const why = new Error("this server's transport was stopped");
    this.#uploads.fail(null, why);
    this.#downloads.fail(null, why);
  }

  #receive(frame: Frame, receiver: Receiver): void {
    const { from } = frame;
    switch (frame.type) {
      case "message":
        this.#askers.add(from);
        this.#take(from);
        receiver.receive(frame.message);
        this.#uploads.answered(frame.message);
        break;
      case "taken":
        this.#underWay.set(from, Math.max(0, (this.#underWay.get(from) ?? 0) - frame.count));
        break;
      case "snapshot":
        this.#askers.add(from);
        this.#downloads.begin(from, frame, receiver);
        break;
      case "chunk":
      case "broken":
        this.#downloads.went(from, frame);
        break;
      case "next":
      case "over":
        this.#uploads.went(frame);
        break;
      case "absent":
        this.#absent(from, frame.hasLeft, receiver);
        break;
      case "plugged":
        break;
    }
  }

  #absent(peer: NodeId, hasLeft: boolean, receiver: Receiver): void {
    const why = new Error(`server ${peer} is not there`);
    this.#underWay.delete(peer);
    this.#uploads.fail(peer, why);
    this.#downloads.fail(peer, why);
    if (!hasLeft) receiver.unreachable(peer, why);
    else if (this.#peers.has(peer)) receiver.disconnected?.(peer);
  }

  /** Told once for all that arrived in this turn of the event loop. */
  #take(from: NodeId): void {
    const count = this.#taken.get(from) ?? 0;
    this.#taken.set(from, count + 1);
    if (count > 0) return;
    setImmediate(() => {
      const count = this.#taken.get(from);
      this.#taken.delete(from);
      if (count === undefined) return;
      this.#port?.postMessage({ type: "taken", from: this.#id, to: from, count } satisfies Frame);
    });
  }

  /** Whoever has asked gets an answer: a server that joins is spoken to before it knows by whom. */
  #mayReach(message: Message): boolean {
    return this.#peers.has(message.to) || (isAnswer(message) && this.#askers.has(message.to));
  }
}

function isAnswer({ type }: Message): boolean {
  return type.endsWith("Response") || type === "refusal";
}
