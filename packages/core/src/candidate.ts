import { Ballot } from "./ballot.ts";
import type { ReadRequest, RoleName } from "./effects.ts";
import { Follower } from "./follower.ts";
import type { Message } from "./messages.ts";
import type { Transitions } from "./role.ts";
import type { Server } from "./server.ts";

/** Asks for votes (dissertation, 3.4). It shares with a follower the election timer and having nothing to offer to clients. */
export class Candidate extends Follower {
  override readonly name: RoleName = "candidate";
  readonly #ballot: Ballot;
  readonly #isTransfer: boolean;
  #ticksSinceAsked = 0;

  /** @param isTransfer the leader has asked for this (3.10) */
  constructor(server: Server, transitions: Transitions, isTransfer: boolean) {
    super(server, transitions);
    this.#ballot = new Ballot(server);
    this.#isTransfer = isTransfer;
    this.#askForVotes();
  }

  override tick(): void {
    this.#ticksSinceAsked += 1;
    // A lost request must not cost the election; candidates repeat it like any other RPC (3.1).
    if (this.#ticksSinceAsked >= this.server.config.heartbeatTicks && this.server.isDurable)
      this.#askForVotes();
    super.tick();
  }

  override receive(response: Message): void {
    if (response.type !== "requestVoteResponse" || response.term !== this.server.term) return;
    this.#ballot.add(response.from, response.voteGranted);
    this.#count();
  }

  override read({ id }: ReadRequest): void {
    this.server.outbox.outcomes.push({ type: "notLeader", id, leaderId: null });
  }

  override durable(): void {
    const { id, term, stableHardState } = this.server;
    // One's own vote counts like the others: once it cannot be forgotten and given to somebody else after a crash.
    if (stableHardState.term === term && stableHardState.votedFor === id) this.#ballot.add(id, true);
    this.#count();
  }

  #count(): void {
    if (this.#ballot.isWon) this.transitions.lead();
  }

  #askForVotes(): void {
    this.#ticksSinceAsked = 0;
    this.#ballot.ask(
      this.#isTransfer ? { type: "requestVote", leadershipTransfer: true } : { type: "requestVote" },
    );
  }
}
