import type { LogIndex, MemberChange, NodeId } from "@eraft/core";

/** Names a message that has been sent: `from.life>to#sequence:type`. */
export type MessageId = string;

/**
 * Everything that can happen to a simulated cluster. Chance decides which, and when; carrying one out involves no chance at all. So a list of actions
 * is a complete trace: it replays exactly, and can be shortened by leaving actions out.
 */
export type Action =
  | { readonly type: "tick"; readonly node: NodeId }
  /** A message arrives; a second time, if it was repeated on the way. Of a snapshot, all of it. */
  | { readonly type: "deliver"; readonly message: MessageId }
  /** The sender is told that a message was probably lost. */
  | { readonly type: "unreachable"; readonly node: NodeId; readonly peer: NodeId }
  /** The connections to `peer` seem to have broken. */
  | { readonly type: "disconnected"; readonly node: NodeId; readonly peer: NodeId }
  /** The sender's call for a snapshot ends; `arrived` tells whether the answer came. */
  | { readonly type: "snapshotSent"; readonly message: MessageId; readonly arrived: boolean }
  /** The disk operation under way is durable. */
  | { readonly type: "disk"; readonly node: NodeId }
  /** The state machine has applied what it was handed. */
  | { readonly type: "apply"; readonly node: NodeId }
  /** The server stores a snapshot of its state machine. */
  | { readonly type: "compact"; readonly node: NodeId }
  | { readonly type: "crash"; readonly node: NodeId; readonly keepsWrite: boolean }
  | { readonly type: "restart"; readonly node: NodeId }
  /** A server that is down loses its disk, and has an empty one. */
  | { readonly type: "wipe"; readonly node: NodeId }
  | ClientAction
  | OperatorAction;

/** What clients want. */
export type ClientAction =
  /** Proposes `command`, or without one the number `id`. */
  | {
      readonly type: "propose";
      readonly node: NodeId;
      readonly id: number;
      readonly command?: Uint8Array;
    }
  | {
      readonly type: "read";
      readonly node: NodeId;
      readonly id: number;
      readonly consistency?: "linearizable" | "lease";
    };

/** What operators want. */
export type OperatorAction =
  | {
      readonly type: "change";
      readonly node: NodeId;
      readonly id: number;
      readonly changes: readonly MemberChange[];
      readonly expectedIndex: LogIndex | null;
    }
  | { readonly type: "transfer"; readonly node: NodeId; readonly id: number; readonly to: NodeId | null };

/** An action that names its server, as opposed to a message that does. */
export type NodeAction = Extract<Action, { readonly node: NodeId }>;

/** An action, and when it happened: clocks are a part of what servers see. */
export interface Step {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly action: Action;
}
