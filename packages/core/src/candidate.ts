import type { RoleName } from "./effects.ts";
import { Follower } from "./follower.ts";
import type { Response } from "./messages.ts";
import { majority } from "./quorum.ts";
import type { Transitions } from "./role.ts";
import type { Server } from "./server.ts";
import type { NodeId } from "./types.ts";

/** Asks for votes (dissertation, 3.4). It shares with a follower the election timer and having nothing to offer to clients. */
export class Candidate extends Follower {
  override readonly name: RoleName = "candidate";
  readonly #granted = new Set<NodeId>();
  readonly #refused = new Set<NodeId>();
  #ticksSinceAsked = 0;

  constructor(server: Server, transitions: Transitions) {
    super(server, transitions);
    this.#askForVotes();
  }

  override tick(): void {
    this.#ticksSinceAsked += 1;
    // A lost request must not cost the election; candidates repeat it like any other RPC (3.1).
    if (this.#ticksSinceAsked >= this.server.config.heartbeatTicks && this.server.isDurable)
      this.#askForVotes();
    super.tick();
  }

  override receive(response: Response): void {
    if (response.type !== "requestVoteResponse" || response.term !== this.server.term) return;
    (response.voteGranted ? this.#granted : this.#refused).add(response.from);
    this.#count();
  }

  override durable(): void {
    const { id, term, stableHardState } = this.server;
    // One's own vote counts like the others: once it cannot be forgotten and given to somebody else after a crash.
    if (stableHardState.term === term && stableHardState.votedFor === id) this.#granted.add(id);
    this.#count();
  }

  #count(): void {
    if (this.#granted.size >= majority(this.server.config.peers.length)) this.transitions.lead();
  }

  #askForVotes(): void {
    const { server } = this;
    this.#ticksSinceAsked = 0;
    for (const peer of server.config.peers) {
      if (peer === server.id || this.#granted.has(peer) || this.#refused.has(peer)) continue;
      server.sendWhenDurable({
        type: "requestVote",
        from: server.id,
        to: peer,
        term: server.term,
        sequence: server.nextSequence(),
        lastLogIndex: server.log.lastIndex,
        lastLogTerm: server.log.lastTerm,
      });
    }
  }
}
