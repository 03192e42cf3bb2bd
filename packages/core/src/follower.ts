import type { RequestId, RoleName } from "./effects.ts";
import type { Response } from "./messages.ts";
import type { Role, Transitions } from "./role.ts";
import type { Server } from "./server.ts";

/** Answers and waits (dissertation, Figure 3.1, rules for followers); stands for election when nobody leads. */
export class Follower implements Role {
  readonly name: RoleName = "follower";
  protected readonly server: Server;
  protected readonly transitions: Transitions;

  constructor(server: Server, transitions: Transitions) {
    this.server = server;
    this.transitions = transitions;
  }

  tick(): void {
    if (!this.server.electionTimerTicks()) return;
    // An election begins with a vote for oneself on disk. While the disk is busy a campaign could not leave this server anyway; the
    // term would only grow with every timeout, and the whole cluster would have to follow when the disk comes back.
    if (this.server.storageBusy) return;
    this.transitions.campaign();
  }

  propose(id: RequestId, _command: Uint8Array): void {
    this.server.outbox.outcomes.push({ type: "notLeader", id, leaderId: this.server.leaderId });
  }

  read(id: RequestId): void {
    this.server.outbox.outcomes.push({ type: "notLeader", id, leaderId: this.server.leaderId });
  }

  receive(_response: Response): void {}

  durable(): void {}

  flush(): void {}

  snapshotSent(): void {}

  unreachable(): void {}

  leave(): void {}
}
