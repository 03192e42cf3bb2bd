import type { ReadRequest, RequestId, RoleName } from "./effects.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import type { Message } from "./messages.ts";
import type { Role, Transitions } from "./role.ts";
import type { Server } from "./server.ts";
import type { NodeId } from "./types.ts";

/** Answers and waits (dissertation, Figure 3.1, rules for followers); stands for election when nobody leads. */
export class Follower implements Role {
  readonly name: RoleName = "follower";
  readonly neededAfter: number = Number.POSITIVE_INFINITY;
  protected readonly server: Server;
  protected readonly transitions: Transitions;
  readonly #reads: ForwardedReads;

  constructor(server: Server, transitions: Transitions) {
    this.server = server;
    this.transitions = transitions;
    this.#reads = new ForwardedReads(server);
  }

  tick(): void {
    this.#reads.tick();
    this.server.staleRequests.tick();
    if (!this.server.timer.tick()) return;
    this.server.giveUpReads();
    // An election begins with a vote for oneself on disk. While the disk is busy a campaign could not leave this server anyway; the
    // term would only grow with every timeout, and the whole cluster would have to follow when the disk comes back.
    if (this.server.storageBusy || !this.server.mayStand) return;
    this.transitions.seekElection();
  }

  propose(id: RequestId, _command: Uint8Array): void {
    this.#notLeader(id);
  }

  read({ id }: ReadRequest): void {
    if (this.server.knownLeaderId === null) this.#notLeader(id);
    else this.#reads.add(id);
  }

  receive(message: Message): void {
    if (message.type === "readIndexResponse") this.#reads.answered(message);
  }

  /** Another server asks what only a leader knows. */
  readFor(from: NodeId, sequence: number): void {
    const { id, term } = this.server;
    this.server.sendInDurableTerm({
      type: "readIndexResponse",
      from: id,
      to: from,
      term,
      sequence,
      readIndex: -1,
    });
  }

  changeConfiguration({ id }: { readonly id: RequestId }): void {
    this.#notLeader(id);
  }

  transferLeadership(id: RequestId): void {
    this.#notLeader(id);
  }

  identified(): void {}

  durable(): void {}

  flush(): void {
    this.#reads.flush();
  }

  snapshotSent(): void {}

  unreachable(): void {}

  leave(): void {
    this.#reads.end();
  }

  #notLeader(id: RequestId): void {
    this.server.outbox.outcomes.push({ type: "notLeader", id, leaderId: this.server.knownLeaderId });
  }
}
