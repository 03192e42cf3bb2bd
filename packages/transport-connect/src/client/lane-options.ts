import type { NodeId } from "@eraft/core";
import type { PeerConnection } from "../options.ts";
import type { Running } from "../running.ts";

/** Whom a lane leads to, and what it is made of. */
export interface LaneOptions {
  readonly peer: NodeId;
  readonly address: string;
  readonly running: Running;
  readonly connect: (address: string) => PeerConnection;
  /** Whether to ask the peer if it speaks eraft.peer.v1. */
  readonly streams: boolean;
}
