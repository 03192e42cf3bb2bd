import type {
  Alert,
  Entry,
  InstallSnapshot,
  Message,
  NodeId,
  Outcome,
  RaftConfig,
  Ready,
  SnapshotMeta,
} from "@eraft/core";
import type { Action, MessageId } from "./actions.ts";
import type { Snapshot } from "./disk.ts";
import { Node } from "./node.ts";

/** What an action brought about, for whoever decides what happens next. */
export interface Consequences {
  /** The server that acted; null if the action was impossible. */
  readonly node: Node | null;
  /** What its core handed out. */
  readonly ready: Ready | null;
  /** Messages that were sent; a snapshot travels with its header. */
  readonly sent: readonly MessageId[];
  readonly outcomes: readonly Outcome[];
  readonly alerts: readonly Alert[];
}

interface Sent {
  readonly message: Message;
  readonly snapshot: Snapshot | null;
  readonly incarnation: number;
}

/** Looks at a cluster after every step of one of its servers. */
export interface Witness {
  started(node: Node): void;
  stepped(node: Node, ready: Ready | null): void;
  sent(node: Node, message: Message): void;
}

/** Servers, and the messages between them. Carries out actions, one at a time; contains no time and no chance. */
export class Cluster {
  readonly nodes: readonly Node[];
  readonly #witness: Witness;
  readonly #messages = new Map<MessageId, Sent>();
  #sent: MessageId[] = [];
  #outcomes: Outcome[] = [];
  #alerts: Alert[] = [];
  #actor: Node | null = null;
  #ready: Ready | null = null;

  constructor(configs: readonly RaftConfig[], witness: Witness) {
    this.nodes = configs.map((config) => new Node(config));
    this.#witness = witness;
    for (const node of this.nodes) this.#start(node);
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

  /** Carries out `action`. One that is impossible now, such as a tick of a server that is down, does nothing. */
  perform(action: Action): Consequences {
    this.#sent = [];
    this.#outcomes = [];
    this.#alerts = [];
    this.#actor = null;
    this.#ready = null;
    this.#perform(action);
    return {
      node: this.#actor,
      ready: this.#ready,
      sent: this.#sent,
      outcomes: this.#outcomes,
      alerts: this.#alerts,
    };
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "deliver":
        return this.#deliver(action.message);
      case "snapshotSent":
        return this.#snapshotSent(action.message, action.arrived);
      case "restart":
        return this.#start(this.node(action.node));
      case "tick":
      case "unreachable":
      case "disk":
      case "apply":
      case "compact":
      case "crash":
      case "propose":
      case "read": {
        const node = this.node(action.node);
        if (node.isUp) this.#performOn(node, action);
      }
    }
  }

  #performOn(node: Node, action: Exclude<Action, { type: "deliver" | "snapshotSent" | "restart" }>): void {
    switch (action.type) {
      case "tick":
        return this.#after(node, node.step({ type: "tick" }));
      case "unreachable":
        return this.#after(node, node.step({ type: "unreachable", peer: action.peer }));
      case "disk":
        return node.disk.isBusy ? this.#after(node, node.finishDisk()) : undefined;
      case "apply":
        return node.applying.length > 0 ? this.#after(node, node.finishApply()) : undefined;
      case "compact":
        return this.#after(node, node.compact());
      case "crash":
        return node.crash(action.keepsWrite);
      case "propose":
        return this.#after(
          node,
          node.step({ type: "propose", id: action.id, command: action.command ?? commandOf(action.id) }),
        );
      case "read":
        return this.#after(node, node.step({ type: "read", id: action.id }));
    }
  }

  #start(node: Node): void {
    if (node.isUp) return;
    node.start();
    this.#witness.started(node);
  }

  #deliver(id: MessageId): void {
    const sent = this.#messages.get(id);
    if (sent === undefined) return;
    const node = this.node(sent.message.to);
    if (!node.isUp) return;
    const { message, snapshot } = sent;
    const isSnapshot = message.type === "installSnapshot" && snapshot !== null;
    this.#after(
      node,
      isSnapshot ? node.receiveSnapshot(message, snapshot) : node.step({ type: "receive", message }),
    );
  }

  #snapshotSent(id: MessageId, arrived: boolean): void {
    const sent = this.#messages.get(id);
    if (sent === undefined || sent.message.type !== "installSnapshot") return;
    const { from, to } = sent.message;
    const node = this.node(from);
    // The call was made by a process that no longer exists.
    if (!node.isUp || node.incarnation !== sent.incarnation) return;
    const snapshot = arrived ? metaOf(sent.message) : null;
    this.#after(node, node.step({ type: "snapshotSent", to, snapshot }));
  }

  #after(node: Node, ready: Ready | null): void {
    this.#actor = node;
    this.#ready = ready;
    this.#witness.stepped(node, ready);
    if (ready === null) return;
    for (const message of ready.messages) this.#send(node, message, null);
    this.#outcomes.push(...ready.outcomes);
    this.#alerts.push(...ready.alerts);
    for (const request of ready.snapshots) {
      const outgoing = node.snapshotMessage(request);
      if (outgoing !== null) this.#send(node, outgoing.header, outgoing.snapshot);
      else this.#after(node, node.step({ type: "snapshotSent", to: request.to, snapshot: null }));
    }
  }

  #send(node: Node, message: Message, snapshot: Snapshot | null): void {
    this.#witness.sent(node, message);
    const { from, to, sequence, type } = message;
    // The sequence of an answer is its request's, so a repeated request is answered twice under one name: the later answer replaces the
    // earlier, which a network that reorders could have done as well.
    const id = `${from}.${node.incarnation}>${to}#${sequence}:${type}`;
    this.#messages.set(id, { message, snapshot, incarnation: node.incarnation });
    this.#sent.push(id);
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
