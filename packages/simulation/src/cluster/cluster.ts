import type {
  Alert,
  Entry,
  Input,
  InstallSnapshot,
  Message,
  NodeId,
  Outcome,
  RaftConfig,
  RaftState,
  Ready,
  SnapshotMeta,
} from "@eraft/core";
import type { Action, ClientAction, MessageId, NodeAction, OperatorAction } from "./actions.ts";
import type { Introduction } from "./connections.ts";
import { Disk, type Snapshot } from "./disk.ts";
import { Node } from "./node.ts";

/** What an action brought about, for whoever decides what happens next. */
export interface Consequences {
  /** The server that acted; null if the action was impossible. */
  readonly node: Node | null;
  /** Messages that were sent; a snapshot travels with its header. */
  readonly sent: readonly MessageId[];
  readonly outcomes: readonly Outcome[];
}

/**
 * What is counted, and so must come from the disk that the receiver's configuration knows. Requests are heard from everybody: a follower that was away
 * while the others replaced a disk knows its leader by the old one, and would otherwise never hear of the new one.
 */
const COUNTED: ReadonlySet<Message["type"]> = new Set([
  "requestVoteResponse",
  "preVoteResponse",
  "appendEntriesResponse",
  "installSnapshotResponse",
]);

interface Sent {
  readonly message: Message;
  readonly snapshot: Snapshot | null;
  readonly sender: Introduction;
}

export type RequestAction = ClientAction | OperatorAction;

/** Looks at a cluster while it works. */
export interface Witness {
  started(node: Node): void;
  /** A client or an operator is about to ask `node` for something. */
  asked(node: Node, request: RequestAction): void;
  /** The core of `node` has taken a step; `before` is what it knew before. */
  stepped(node: Node, before: RaftState, ready: Ready | null): void;
  sent(node: Node, message: Message): void;
  crashed(node: Node): void;
}

export interface ClusterOptions {
  /** Whether servers tell each other for which disk they speak. Default false. */
  readonly identifies?: boolean;
  /** How much faster than the others each server's clock runs. Default 1. */
  readonly clockRate?: (node: NodeId) => number;
}

/** Servers, and the messages between them. Carries out actions, one at a time; contains no time but what it is told, and no chance. */
export class Cluster {
  readonly nodes: readonly Node[];
  readonly #witness: Witness;
  readonly #messages = new Map<MessageId, Sent>();
  #sent: MessageId[] = [];
  #outcomes: Outcome[] = [];
  #alerts: Alert[] = [];
  #actor: Node | null = null;
  #at = 0;
  #disks = 0;
  /** Answers that did not count, since the receiver's configuration knows the sender by another disk. */
  unwelcome = 0;

  /** Servers that have `peers` begin at once, the others when they are told to. */
  constructor(configs: readonly RaftConfig[], witness: Witness, options: ClusterOptions = {}) {
    const { identifies = false, clockRate = () => 1 } = options;
    this.nodes = configs.map(
      (config) =>
        new Node({ config, identifies, clockRate: clockRate(config.id) }, (id) => this.#buyDisk(id)),
    );
    this.#witness = witness;
    for (const node of this.nodes) if (node.isFounder) this.#start(node);
  }

  node(id: NodeId): Node {
    const node = this.nodes[id];
    if (node === undefined) throw new RangeError(`no server ${id}`);
    return node;
  }

  /** A message that was sent; undefined if there was none of that name. */
  message(id: MessageId): Message | undefined {
    return this.#messages.get(id)?.message;
  }

  /** Forgets a message: it will not arrive (again). */
  forget(id: MessageId): void {
    this.#messages.delete(id);
  }

  /** Forgets all that `node` has sent and that is still on its way. */
  forgetFrom(node: NodeId): void {
    for (const [id, { message }] of this.#messages) if (message.from === node) this.#messages.delete(id);
  }

  /** What servers have complained about so far. */
  get alerts(): readonly Alert[] {
    return this.#alerts;
  }

  /** Carries out `action` at the virtual time `at`. One that is impossible now, such as a tick of a server that is down, does nothing. */
  perform(action: Action, at = 0): Consequences {
    this.#sent = [];
    this.#outcomes = [];
    this.#actor = null;
    this.#at = at;
    this.#perform(action);
    return { node: this.#actor, sent: this.#sent, outcomes: this.#outcomes };
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "deliver":
        return this.#deliver(action.message);
      case "snapshotSent":
        return this.#snapshotSent(action.message, action.arrived);
      case "restart":
        return this.#start(this.node(action.node));
      case "wipe": {
        const node = this.node(action.node);
        return node.isUp ? undefined : node.wipe();
      }
      case "propose":
      case "read":
      case "change":
      case "transfer":
        return this.#request(this.node(action.node), action);
      case "tick":
      case "unreachable":
      case "disconnected":
      case "disk":
      case "apply":
      case "compact":
      case "crash": {
        const node = this.node(action.node);
        if (node.isUp) this.#performOn(node, action);
      }
    }
  }

  #performOn(node: Node, action: Exclude<NodeAction, RequestAction | { type: "restart" | "wipe" }>): void {
    switch (action.type) {
      case "tick":
        return this.#step(node, { type: "tick" });
      case "unreachable":
      case "disconnected":
        return this.#step(node, { type: action.type, peer: action.peer });
      case "disk":
        return node.disk.isBusy ? this.#after(node, () => node.finishDisk(this.#at)) : undefined;
      case "apply":
        return node.applying.length > 0 ? this.#after(node, () => node.finishApply(this.#at)) : undefined;
      case "compact":
        return this.#after(node, () => node.compact(this.#at));
      case "crash":
        this.#witness.crashed(node);
        return node.crash(action.keepsWrite);
    }
  }

  #request(node: Node, action: RequestAction): void {
    if (!node.isUp) return;
    this.#witness.asked(node, action);
    this.#step(node, inputOf(action));
  }

  #start(node: Node): void {
    if (node.isUp) return;
    node.start();
    this.#witness.started(node);
  }

  #deliver(id: MessageId): void {
    const sent = this.#messages.get(id);
    if (sent === undefined) return;
    const { message, snapshot, sender } = sent;
    const node = this.node(message.to);
    if (!node.isUp) return;
    node.connections.met(message.from, sender);
    // A handshake comes before all messages, and its news before them into the core. Only a leader has a use for it.
    if (node.state.role === "leader") {
      const incarnation = node.connections.claimOf(message.from, sender, node.state.configuration);
      if (incarnation !== null) this.#step(node, { type: "identified", peer: message.from, incarnation });
    }
    const { configuration } = node.state.configuration;
    if (COUNTED.has(message.type) && !node.connections.vouchFor(message.from, sender, configuration)) {
      this.unwelcome += 1;
      return;
    }
    const isSnapshot = message.type === "installSnapshot" && snapshot !== null;
    this.#after(node, () =>
      isSnapshot
        ? node.receiveSnapshot(message, snapshot, this.#at)
        : node.step({ type: "receive", message }, this.#at),
    );
  }

  #snapshotSent(id: MessageId, arrived: boolean): void {
    const sent = this.#messages.get(id);
    if (sent === undefined || sent.message.type !== "installSnapshot") return;
    const { from, to } = sent.message;
    const node = this.node(from);
    // The call was made by a process that no longer exists.
    if (!node.isUp || node.life !== sent.sender.life) return;
    this.#step(node, { type: "snapshotSent", to, snapshot: arrived ? metaOf(sent.message) : null });
  }

  #step(node: Node, input: Input): void {
    this.#after(node, () => node.step(input, this.#at));
  }

  #after(node: Node, step: () => Ready | null): void {
    const before = node.state;
    const ready = step();
    this.#actor = node;
    this.#witness.stepped(node, before, ready);
    if (ready === null) return;
    for (const message of ready.messages) this.#send(node, message, null);
    this.#outcomes.push(...ready.outcomes);
    if (ready.alerts.length > 0) this.#alerts.push(...ready.alerts);
    for (const request of ready.snapshots) {
      const outgoing = node.snapshotMessage(request);
      if (outgoing !== null) this.#send(node, outgoing.header, outgoing.snapshot);
      else this.#step(node, { type: "snapshotSent", to: request.to, snapshot: null });
    }
    if (ready.role?.role === "leader") node.connections.forgetClaims();
  }

  #send(node: Node, message: Message, snapshot: Snapshot | null): void {
    this.#witness.sent(node, message);
    const { from, to, sequence, type } = message;
    const { life, incarnation } = node;
    // The sequence of an answer is its request's, so a repeated request is answered twice under one name: the later answer replaces the
    // earlier, which a network that reorders could have done as well.
    const id = `${from}.${life}>${to}#${sequence}:${type}`;
    this.#messages.set(id, { message, snapshot, sender: { life, incarnation } });
    this.#sent.push(id);
  }

  #buyDisk(node: NodeId): Disk {
    this.#disks += 1;
    return new Disk(`${node}/${this.#disks}`, this.#disks);
  }
}

function inputOf(action: RequestAction): Input {
  const { id } = action;
  switch (action.type) {
    case "propose":
      return { type: "propose", id, command: action.command ?? commandOf(id) };
    case "read":
      return { type: "read", id, consistency: action.consistency ?? "linearizable" };
    case "change":
      return {
        type: "changeConfiguration",
        id,
        changes: action.changes,
        expectedIndex: action.expectedIndex,
      };
    case "transfer":
      return { type: "transferLeadership", id, to: action.to };
  }
}

function metaOf({ lastIncludedIndex, lastIncludedTerm }: InstallSnapshot): SnapshotMeta {
  return { lastIncludedIndex, lastIncludedTerm };
}

/** The command of the proposal `id`: its number, so that every command is unique and tells whose it is. */
export function commandOf(id: number): Uint8Array {
  return new Uint8Array([id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24]);
}

/** The proposal that `entry` holds; null for a no-op. */
export function proposalOf({ command }: Entry): number | null {
  const [a, b, c, d] = command;
  if (a === undefined || b === undefined || c === undefined || d === undefined) return null;
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}
