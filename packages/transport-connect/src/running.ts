import type { Clock, NodeId, Receiver } from "@eraft/core";
import type { Deadlines, Limits } from "./options.ts";
import type { Handshake } from "./stream/handshake.ts";
import type { Presence } from "./stream/presence.ts";
import type { Rejections } from "./stream/rejections.ts";

/** What there is between `start` and `stop`, for all parts of a transport. */
export interface Running {
  readonly id: NodeId;
  readonly receiver: Receiver;
  /** Where a peer is, as far as anybody has said. */
  readonly addressOf: (peer: NodeId) => string;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly limits: Limits;
  readonly handshake: Handshake;
  readonly presence: Presence;
  readonly rejections: Rejections;
  /** A number that no other snapshot has that was sent since `start`. */
  readonly nextTransfer: () => number;
}
